"""Instruments and drums: single notes and hits, as mono float32 arrays at 44.1 kHz."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
from scipy import fft

RATE = 44100
"""Samples a second."""
Audio = npt.NDArray[np.float32]
_TABLE = 2048  # samples of one period
_HIGHEST = 15000.0  # Hz: no harmonics above, so that nothing aliases


@attrs.frozen
class Instrument:
    """A wavetable voice: a harmonic spectrum, an envelope and a filter that closes while the note sounds."""

    slope: float
    """Harmonic k has amplitude k**-slope."""
    even: float = 1.0
    """Factor on the even harmonics; 0 makes a square or a clarinet."""
    attack: float = 0.005
    """Seconds."""
    decay: float = 0.0
    """Seconds to fall to 1/e; 0 keeps the level."""
    release: float = 0.05
    """Seconds."""
    dull: float = 0.0
    """How much steeper the slope has become when the filter has closed."""
    close: float = 0.15
    """Seconds in which the filter closes."""
    detune: float = 0.0
    """Cents between the two outer of three voices; 0 is one voice."""
    vibrato: float = 0.0
    """Depth in cents, at 5.5 Hz."""
    drive: float = 0.0
    """Gain into tanh distortion, on the sum of the part's notes; 0 is clean."""


INSTRUMENTS: Mapping[str, Instrument] = {
    "accordion": Instrument(0.9, attack=0.03, detune=18),
    "bell": Instrument(1.0, even=0.2, decay=0.5, release=0.4, dull=2.0, close=0.2),
    "epiano": Instrument(1.9, decay=0.6, dull=1.5, close=0.2, detune=6),
    "fingered": Instrument(1.4, decay=0.5, dull=1.2),
    "flute": Instrument(2.4, attack=0.06, release=0.12, vibrato=12),
    "fuzz": Instrument(1.1, decay=1.5, release=0.03, detune=9, drive=12.0),
    "guitar": Instrument(1.1, even=0.7, decay=0.35, dull=1.3, drive=1.2),
    "organ": Instrument(1.3, even=0.5, attack=0.008, vibrato=5),
    "pad": Instrument(1.5, attack=0.35, release=0.6, detune=16),
    "piano": Instrument(1.3, decay=0.7, release=0.1, dull=1.0, close=0.3, detune=2),
    "pluck": Instrument(0.9, decay=0.15, dull=1.8, close=0.08, detune=8),
    "pulse": Instrument(0.6, even=0.8, release=0.01),
    "reed": Instrument(0.8, even=0.3, attack=0.03, vibrato=20, drive=1.0),
    "reese": Instrument(1.0, attack=0.01, detune=30, drive=1.5),
    "square": Instrument(1.0, even=0.0, release=0.01),
    "strings": Instrument(1.1, attack=0.12, release=0.25, detune=10, vibrato=8),
    "sub": Instrument(3.0, attack=0.01, release=0.08),
    "supersaw": Instrument(1.0, attack=0.02, release=0.2, detune=25),
    "triangle": Instrument(2.0, even=0.0, release=0.01),
    "upright": Instrument(1.9, decay=0.3, dull=1.0, close=0.1),
}


def note(voice: Instrument, frequency: float, seconds: float) -> Audio:
    """Render one note of `frequency` Hz held for `seconds`, and its release: (samples,), RMS at most 0.3."""
    n = int((seconds + voice.release) * RATE)
    t = np.arange(n, dtype=np.float32) / np.float32(RATE)
    opened = np.exp(-t / np.float32(voice.close)) if voice.dull else np.ones(1, np.float32)
    bright, dark = _table(voice, 0.0, frequency), _table(voice, voice.dull, frequency)
    out = np.zeros(n, np.float32)
    for cents in (-voice.detune / 2, 0.0, voice.detune / 2) if voice.detune else (0.0,):
        start = 0.37 * cents  # some phase of its own, or the attack would be three times as loud
        at = _phase(frequency * 2 ** (cents / 1200), voice.vibrato, t, start)
        out += dark[at] + (bright - dark)[at] * opened if voice.dull else bright[at]
    return out * _envelope(voice, t) * np.float32(0.6 if voice.detune else 1.0)


def _phase(frequency: float, vibrato: float, t: Audio, start: float) -> npt.NDArray[np.int32]:
    # In periods. A double holds the phase of a long note exactly enough, a float32 does not.
    periods = frequency * t.astype(np.float64) + start
    if vibrato:
        depth = frequency * (2 ** (vibrato / 1200) - 1) / (2 * np.pi * 5.5)
        periods += depth * np.sin(np.float32(2 * np.pi * 5.5) * t)
    return (periods * _TABLE).astype(np.int32) & (_TABLE - 1)


def _table(voice: Instrument, dull: float, frequency: float) -> Audio:
    k = np.arange(1, max(2, min(64, int(_HIGHEST / frequency))))
    spectrum = np.zeros(_TABLE // 2 + 1, np.complex64)
    spectrum[k] = -1j * k ** -(voice.slope + dull) * np.where(k % 2 == 0, voice.even, 1.0)
    table: Audio = fft.irfft(spectrum, _TABLE)
    return table * np.float32(0.3 / np.sqrt(np.mean(table**2)))


def _envelope(voice: Instrument, t: Audio) -> Audio:
    # The release falls linearly to zero at the end of the note's array.
    ends = np.minimum(t / np.float32(voice.attack), (t[-1] - t) / np.float32(voice.release))
    envelope: Audio = np.minimum(ends, np.float32(1))
    return envelope * np.exp(-t / np.float32(voice.decay)) if voice.decay else envelope


@attrs.frozen
class Drum:
    """A drum: a sine whose pitch falls, and a burst of noise in a band."""

    tone: float
    """Hz in the end; 0 is noise alone."""
    sweep: float
    """The pitch begins at (1 + sweep) times the tone and falls with a time constant of 30 ms."""
    ring: float
    """Seconds in which the tone falls to 1/e."""
    noise: float
    """Level of the noise beside the tone's 1."""
    band: tuple[float, float]
    """Of the noise, Hz."""
    decay: float
    """Seconds in which the noise falls to 1/e."""


KITS: Mapping[str, Mapping[str, Drum]] = {
    "acoustic": {
        "kick": Drum(58, 1.5, 0.11, 0.15, (1500, 6000), 0.008),
        "snare": Drum(190, 0.3, 0.07, 0.9, (900, 9000), 0.11),
        "rim": Drum(820, 0.1, 0.02, 0.4, (1500, 5000), 0.012),
        "hat": Drum(0, 0, 0.01, 0.35, (6500, 15000), 0.035),
        "open": Drum(0, 0, 0.01, 0.3, (4500, 14000), 0.22),
    },
    "electronic": {
        "kick": Drum(48, 4.0, 0.2, 0.05, (2000, 8000), 0.004),
        "snare": Drum(220, 0.6, 0.06, 0.7, (1500, 10000), 0.16),
        "rim": Drum(0, 0, 0.01, 0.8, (900, 3500), 0.09),
        "hat": Drum(0, 0, 0.01, 0.35, (8000, 16000), 0.02),
        "open": Drum(0, 0, 0.01, 0.35, (7000, 16000), 0.13),
    },
    "chip": {
        "kick": Drum(70, 6.0, 0.06, 0.0, (100, 1000), 0.01),
        "snare": Drum(0, 0, 0.01, 0.7, (500, 14000), 0.06),
        "rim": Drum(440, 0, 0.02, 0.0, (100, 1000), 0.01),
        "hat": Drum(0, 0, 0.01, 0.3, (3000, 15000), 0.015),
        "open": Drum(0, 0, 0.01, 0.3, (3000, 15000), 0.08),
    },
}


def hit(drum: Drum, rng: np.random.Generator) -> Audio:
    """Render one hit: (samples,), peak about 1, long enough to have faded by 40 dB."""
    n = fft.next_fast_len(int(4.6 * max(drum.ring, drum.decay) * RATE), real=True)
    t = np.arange(n, dtype=np.float32) / np.float32(RATE)
    out = drum.noise * _burst(drum.band, n, rng) * np.exp(-t / np.float32(drum.decay))
    if drum.tone:
        periods = drum.tone * (t + drum.sweep * 0.03 * (1 - np.exp(-t / np.float32(0.03))))
        out += np.sin(np.float32(2 * np.pi) * periods) * np.exp(-t / np.float32(drum.ring))
    audio: Audio = out.astype(np.float32)
    return audio


def _burst(band: tuple[float, float], n: int, rng: np.random.Generator) -> Audio:
    spectrum = fft.rfft(rng.standard_normal(n, dtype=np.float32))
    f = fft.rfftfreq(n, 1 / RATE)
    spectrum[(f < band[0]) | (f > band[1])] = 0
    noise: Audio = fft.irfft(spectrum, n)
    noise /= np.abs(noise).max()
    return noise
