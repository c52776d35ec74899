"""The eight genres as data: metre, tempo, rhythm patterns, harmony and instruments. Imports nothing heavy.

Patterns have one character a step and repeat until the clip ends. Drums: ``x`` a hit, ``o`` a soft one, ``.`` none.
Pitched parts: a digit is a chord tone counted upwards from the root (beyond the chord: the next octave), ``*`` the
whole chord, ``?`` the next note of the clip's melody, ``_`` holds the note before, ``.`` is a rest.
A progression has one chord a bar: semitones above the key, then the kind of chord (d7 a dominant seventh, p a power
chord).
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

CHORDS: Mapping[str, tuple[int, ...]] = {
    "M": (0, 4, 7),
    "m": (0, 3, 7),
    "d7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "M7": (0, 4, 7, 11),
    "m9": (0, 3, 7, 10, 14),
    "sus": (0, 2, 7, 12),
    "p": (0, 7, 12),
}
SCALES: Mapping[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "blues": (0, 3, 5, 6, 7, 10),
}
ROLES = ("bass", "chords", "lead")


@attrs.frozen
class Part:
    """What one pitched role plays."""

    instruments: tuple[str, ...]
    """Each artist has one of these."""
    patterns: tuple[str, ...]
    """Each clip has one of these."""
    pitch: int
    """MIDI note near which the roots lie."""
    level: float
    """Loudness in dB."""


@attrs.frozen
class Genre:
    """One genre."""

    name: str
    tempo: tuple[float, float]
    """Beats a minute, lowest and highest."""
    beats: int
    """Beats a bar."""
    grid: int
    """Steps a beat."""
    swing: tuple[float, float]
    """How late every second step is, as a part of a step."""
    scale: str
    progressions: tuple[str, ...]
    kit: str
    grooves: tuple[Mapping[str, str], ...]
    """Drum -> pattern; each clip has one of these."""
    bass: Part
    chords: Part
    lead: Part
    pump: float = 0.0
    """How deep the kick pushes the other parts down, 0 to 1."""

    @property
    def bar(self) -> int:
        """Steps a bar."""
        return self.beats * self.grid


AMBIENT = Genre(
    name="ambient",
    tempo=(60, 90),
    beats=4,
    grid=4,
    swing=(0, 0),
    scale="pentatonic",
    progressions=("0M7 5M7 9m7 7sus", "0sus 8M7 3M 10sus", "0m9 8M7 5m9 3M7"),
    kit="electronic",
    grooves=({}, {}, {"hat": "o.......o......."}, {"kick": "o...............", "rim": "............o..."}),
    bass=Part(("sub", "strings"), ("0_______________", "0_______2_______"), 36, -8),
    chords=Part(("pad", "strings", "supersaw"), ("*_______________", "*_______*_______"), 57, -2),
    lead=Part(("bell", "flute", "epiano"), ("?_____..?_______", "....?___..?_____", "0...1...2...3..."), 72, -11),
)
BLUES = Genre(
    name="blues",
    tempo=(84, 132),
    beats=4,
    grid=3,
    swing=(0, 0),
    scale="blues",
    progressions=("0d7 0d7 5d7 0d7", "5d7 5d7 0d7 0d7", "7d7 5d7 0d7 7d7", "0m7 5m7 0m7 7d7"),
    kit="acoustic",
    grooves=(
        {"kick": "x.....x..o..", "snare": "...x.....x..", "hat": "x.ox.ox.ox.o"},
        {"kick": "x..o..x..o..", "rim": "...x.....x..", "open": "x..x.ox..x.o"},
        {"kick": "x.....x.x...", "snare": "...x.o...x.o", "hat": "x.xx.xx.xx.x"},
    ),
    bass=Part(("upright", "fingered"), ("0__1__2__3__", "0_02_0_02_0_", "0__2__3__2__"), 36, -3),
    chords=Part(("piano", "organ", "guitar"), ("*_.*_.*_.*_.", "...*__...*__", "..**..*...**"), 55, -8),
    lead=Part(("guitar", "reed", "organ"), ("?_??_.?__?_.", "..??_??_____", "?____?_??___"), 67, -5),
)
CHIPTUNE = Genre(
    name="chiptune",
    tempo=(112, 168),
    beats=4,
    grid=4,
    swing=(0, 0),
    scale="major",
    progressions=("0M 9m 5M 7M", "0m 8M 3M 10M", "0M 7M 9m 5M", "0m 10M 8M 7M"),
    kit="chip",
    grooves=(
        {"kick": "x...x...x...x...", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "x.....x.x.......", "snare": "....x.......x.xx", "hat": "xxx.xxx.xxx.xxx."},
        {"snare": "....x.......x..."},
    ),
    bass=Part(("square", "triangle"), ("0.0.0.0.0.0.0.0.", "0.030.030.030.03", "0...0.0.2...2.2."), 36, -6),
    chords=Part(("square", "pulse"), ("0123012301230123", "0121012101210121", "012345432101234_"), 64, -6),
    lead=Part(("pulse", "square"), ("?_?_?___?_?_?_??", "?___?_?___?_?___", "?.??..?.?.??..?."), 76, -6),
)
DRUM_AND_BASS = Genre(
    name="drum_and_bass",
    tempo=(160, 178),
    beats=4,
    grid=4,
    swing=(0, 0.25),
    scale="minor",
    progressions=("0m9 0m9 8M7 8M7", "0m7 0m7 5m7 5m7", "0m9 0m9 10M 10M"),
    kit="acoustic",
    grooves=(
        {"kick": "x.........x.....", "snare": "....x..o.o..x..o", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "x.x.......xx....", "snare": "....x..o.o..x...", "hat": "x.x.x.x.xxx.x.x."},
        {"kick": "x.....x...x.....", "snare": "....x....o..x.oo", "open": "..x...x...x...x."},
    ),
    bass=Part(("reese", "sub"), ("0_____0___2_____", "0__.0_..0____.1_", "0_______________"), 31, -1),
    chords=Part(("pad", "epiano", "supersaw"), ("*_______________", "*__*__*_........"), 60, -10),
    lead=Part(("bell", "pluck", "flute"), ("?.......?..?....", "..?...?.....?...", "................"), 74, -13),
)
HOUSE = Genre(
    name="house",
    tempo=(116, 130),
    beats=4,
    grid=4,
    swing=(0, 0.3),
    scale="minor",
    progressions=("0m7 0m7 5m7 5m7", "0m9 8M7 10M 5m7", "0m7 10M 8M7 7m7"),
    kit="electronic",
    grooves=(
        {"kick": "x...x...x...x...", "rim": "....x.......x...", "open": "..x...x...x...x."},
        {"kick": "x...x...x...x..o", "rim": "....x.......x..o", "hat": "o.xoo.xoo.xoo.xo"},
        {"kick": "x...x...x...x...", "snare": "....x.......x...", "hat": "xxxxxxxxxxxxxxxx"},
    ),
    bass=Part(("square", "sub", "fingered"), ("..0...0...0...0.", "0..0..0...0.0.3.", "..00..00..02..03"), 36, -3),
    chords=Part(
        ("organ", "epiano", "supersaw", "piano"),
        ("*..*..*...*..*..", "..*...*...*...*.", "*__.*__..*__.*.."),
        58,
        -6,
    ),
    lead=Part(("pluck", "pulse", "bell"), ("................", "..?..?....?..?..", "0.2.1.3.0.2.1.3."), 70, -12),
    pump=0.6,
)
METAL = Genre(
    name="metal",
    tempo=(110, 190),
    beats=4,
    grid=4,
    swing=(0, 0),
    scale="phrygian",
    progressions=("0p 0p 1p 0p", "0p 8p 10p 0p", "0p 3p 1p 6p", "0p 10p 8p 7p"),
    kit="acoustic",
    grooves=(
        {"kick": "x.xxx.xxx.xxx.xx", "snare": "....x.......x...", "open": "x...x...x...x..."},
        {"kick": "xxxxxxxxxxxxxxxx", "snare": "....x.......x...", "open": "x...x...x...x..."},
        {"kick": "x..x..x...x..x..", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
    ),
    bass=Part(("fingered", "reese"), ("0.000.000.000.00", "0___0___0_0_0___", "0000000000000000"), 28, -6),
    chords=Part(
        ("fuzz",), ("*.***.***.***.**", "*_______*___*_*_", "*_*.**.**_*.**.*", "****************"), 40, -1
    ),
    lead=Part(("fuzz",), ("................", "?_?_?_?_?_??????", "................"), 64, -9),
)
REGGAE = Genre(
    name="reggae",
    tempo=(66, 92),
    beats=4,
    grid=4,
    swing=(0.1, 0.45),
    scale="pentatonic",
    progressions=("0M 5M 0M 5M", "0m 5m 0m 7m", "0M 9m 5M 7M", "0m 10M 0m 10M"),
    kit="acoustic",
    grooves=(
        {"kick": "........x.......", "rim": "........x.......", "hat": "x.x.x.xox.x.x.xo"},
        {"kick": "x...x...x...x...", "rim": "........x......o", "hat": "x.o.x.o.x.o.x.o."},
        {"kick": "x.......x.......", "snare": "........x.......", "hat": "..x...x...x...x."},
    ),
    bass=Part(("fingered", "sub", "upright"), ("0_..0_2_....3_2_", "....0_.02_..1_0_", "0__0__2_..3_2_0_"), 33, 0),
    chords=Part(("guitar", "piano", "organ"), ("....*.......*...", "..*...*...*...*.", "....*.*.....*.*."), 60, -6),
    lead=Part(("organ", "reed", "guitar"), ("................", "?_?_....?___....", "..??..??..??..??"), 70, -10),
)
WALTZ = Genre(
    name="waltz",
    tempo=(96, 186),
    beats=3,
    grid=4,
    swing=(0, 0),
    scale="major",
    progressions=("0M 0M 7d7 7d7", "0M 9m 2m 7d7", "0M 5M 7d7 0M", "0m 5m 7d7 0m"),
    kit="acoustic",
    grooves=({}, {"kick": "x...........", "rim": "....o...o..."}, {"kick": "o...........", "hat": "....x...x..."}),
    bass=Part(("upright", "strings"), ("0___........", "0_______....", "0___........2___........"), 40, -3),
    chords=Part(("piano", "accordion", "strings"), ("....*_..*_..", "....*...*...", "....*___*___"), 60, -7),
    lead=Part(
        ("flute", "reed", "accordion", "strings"),
        ("?_______?___", "?_?_?_?_?_?_", "?_____?_?___?___________"),
        74,
        -5,
    ),
)
GENRES = (AMBIENT, BLUES, CHIPTUNE, DRUM_AND_BASS, HOUSE, METAL, REGGAE, WALTZ)
