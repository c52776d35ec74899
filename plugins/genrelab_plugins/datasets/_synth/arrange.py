"""A clip from a genre's patterns: what is played when, and the dry stereo mix of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

import attrs
import numpy as np
from scipy.signal import lfilter

from genrelab_plugins.datasets._synth.genres import CHORDS, ROLES, SCALES, Genre
from genrelab_plugins.datasets._synth.sound import Artist
from genrelab_plugins.datasets._synth.tones import RATE, Audio, note

Note = tuple[int, int, tuple[int, ...]]
"""The step, how many steps it is held, and its tones in semitones above the part's pitch."""
_PHRASE = 4  # bars, after which a drummer may play a fill


@attrs.frozen
class Clock:
    """When each step of the song is heard."""

    genre: Genre
    step: float
    """Seconds."""
    swing: float
    origin: float
    """The step at which the clip begins; not whole, as excerpts do not begin on a beat."""
    steps: range
    """Those that may be heard, from a bar before the clip on, so that held notes are in it."""

    def seconds(self, step: int) -> float:
        """Return when the step is due, in seconds from the beginning of the clip."""
        return (step - self.origin + self.swing * (step % 2)) * self.step


def arrange(artist: Artist, seconds: float, rng: np.random.Generator) -> Audio:
    """Compose one clip and mix it, dry: (2, samples)."""
    genre = artist.genre
    clock = _clock(artist, seconds, rng)
    silent = rng.choice([*ROLES, "drums"]) if rng.random() < 0.3 else ""
    chords = _chords(genre, rng)
    samples = int(seconds * RATE)
    groove = {} if silent == "drums" else genre.grooves[rng.integers(len(genre.grooves))]
    drums, kicks = _drums(artist, groove, clock, samples, rng)
    mix = np.zeros((2, samples), np.float32)
    _add(mix, artist, "drums", drums)
    ducking = _ducking(genre.pump, kicks, samples)
    for role in ROLES:
        if role != silent:
            patterns = getattr(genre, role).patterns
            notes = _notes(patterns[rng.integers(len(patterns))], clock, chords, _melody(genre.scale, rng))
            _add(mix, artist, role, _play(artist, role, notes, clock, samples, rng) * ducking)
    return mix


def _clock(artist: Artist, seconds: float, rng: np.random.Generator) -> Clock:
    genre = artist.genre
    slow, fast = genre.tempo
    step = 60 / (slow + (fast - slow) * (0.6 * artist.tempo + 0.4 * rng.random())) / genre.grid
    origin = genre.bar * (1 + _PHRASE * rng.random())
    steps = range(int(origin) - genre.bar, int(origin + seconds / step) + 1)
    return Clock(genre, step, rng.uniform(*genre.swing), origin, steps)


def _chords(genre: Genre, rng: np.random.Generator) -> Sequence[tuple[int, ...]]:
    """Return the chord of each bar: semitones above (or below) a part's pitch, root first."""
    key = int(rng.integers(12))
    progression = genre.progressions[rng.integers(len(genre.progressions))]
    chords = []
    for root, kind in re.findall(r"(\d+)(\w+)", progression):
        nearest = (key + int(root) + 6) % 12 - 6
        chords.append(tuple(nearest + tone for tone in CHORDS[kind]))
    return chords


def _melody(name: str, rng: np.random.Generator) -> Iterator[int]:
    """Return an endless tune: a random walk of eight notes on the scale, in semitones above the chord's root."""
    scale = SCALES[name]
    degrees = np.cumsum(rng.integers(-2, 3, 8)) + rng.integers(len(scale))
    return cycle([scale[d % len(scale)] + 12 * (d // len(scale)) for d in degrees.clip(-4, 9).tolist()])


def _notes(pattern: str, clock: Clock, chords: Sequence[tuple[int, ...]], melody: Iterator[int]) -> Iterator[Note]:
    """Yield what the pattern says, note by note or chord by chord."""
    for step in clock.steps:
        at = step % len(pattern)
        symbol, after = pattern[at], pattern[at + 1 :] + pattern[:at]
        chord = chords[step // clock.genre.bar % len(chords)]
        held = len(after) - len(after.lstrip("_")) + 1
        if symbol == "*":
            yield step, held, chord
        elif symbol == "?":
            yield step, held, (chord[0] + next(melody),)
        elif symbol.isdigit():
            octave, tone = divmod(int(symbol), len(chord))
            yield step, held, (chord[tone] + 12 * octave,)


def _play(
    artist: Artist, role: str, notes: Iterator[Note], clock: Clock, samples: int, rng: np.random.Generator
) -> Audio:
    """Render a part: (samples,)."""
    voice, part = artist.voices[role], getattr(artist.genre, role)
    bus = np.zeros(samples, np.float32)
    rendered: dict[tuple[int, int], Audio] = {}
    for step, held, tones in notes:
        start = clock.seconds(step) + rng.normal(0, artist.loose)
        strength = np.float32(rng.uniform(0.8, 1.1))
        for tone in tones:
            if (tone, held) not in rendered:
                frequency = 440 * 2 ** ((part.pitch + tone + artist.tuning - 69) / 12)
                rendered[tone, held] = note(voice, frequency, 0.95 * held * clock.step)
            _place(bus, rendered[tone, held] * strength, start)
    return _amplify(bus, voice.drive) * np.float32(10 ** (part.level / 20))


def _amplify(bus: Audio, drive: float) -> Audio:
    """Distort as a guitar amplifier does, speaker included: little comes out above 4 kHz."""
    if not drive:
        return bus
    pole = np.float32(np.exp(-2 * np.pi * 4000 / RATE))
    loud = np.float32(0.4 / np.tanh(0.4 * drive)) * np.tanh(np.float32(drive) * bus)
    heard: Audio = lfilter([1 - pole], [np.float32(1), -pole], loud)
    return heard


def _drums(
    artist: Artist, groove: Mapping[str, str], clock: Clock, samples: int, rng: np.random.Generator
) -> tuple[Audio, list[float]]:
    """Render the drums: (samples,), and when the kick is heard, in seconds."""
    bus = np.zeros(samples, np.float32)
    kicks = []
    fill = rng.random() < 0.5
    for drum, pattern in groove.items():
        for step in clock.steps:
            filled = fill and drum == "snare" and _in_fill(step, clock.genre)
            symbol = "x" if filled else pattern[step % len(pattern)]
            start = clock.seconds(step) + rng.normal(0, artist.loose)
            strength = np.float32({"x": 1.0, "o": 0.4, ".": 0.0}[symbol] * rng.uniform(0.75, 1))
            if strength:
                _place(bus, artist.kit[drum] * strength, start)
                kicks += [start] if drum == "kick" else []
    return bus, kicks


def _in_fill(step: int, genre: Genre) -> bool:
    return step % (_PHRASE * genre.bar) >= _PHRASE * genre.bar - genre.grid


def _ducking(depth: float, kicks: Sequence[float], samples: int) -> Audio:
    """Return the gain of a compressor that the kick drives: (samples,)."""
    gain = np.zeros(samples, np.float32)
    if depth:
        dip = np.float32(depth) * np.exp(-np.arange(int(0.4 * RATE), dtype=np.float32) / np.float32(0.1 * RATE))
        for kick in kicks:
            _place(gain, dip, kick)
    return np.float32(1) - np.minimum(gain, 1)


def _place(bus: Audio, sound: Audio, start: float) -> None:
    """Add a sound that begins at `start` seconds; what lies outside the bus is cut off."""
    at = int(start * RATE)
    sound = sound[max(0, -at) :][: max(0, bus.size - max(0, at))]
    bus[max(0, at) :][: sound.size] += sound


def _add(mix: Audio, artist: Artist, track: str, bus: Audio) -> None:
    """Add a mono bus to the stereo mix where the artist has it."""
    pan, late, gain = artist.pans[track], artist.spreads[track], artist.gains[track]
    mix[0] += np.float32(gain * (1 - max(0.0, pan))) * bus
    mix[1, late:] += np.float32(gain * (1 + min(0.0, pan))) * bus[: bus.size - late]
