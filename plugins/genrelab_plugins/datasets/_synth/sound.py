"""What an artist sounds like, whatever is played: tuning, instruments, drums, room, equaliser and mastering."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy import fft

from genrelab_plugins.datasets._synth.genres import GENRES, ROLES, Genre
from genrelab_plugins.datasets._synth.tones import INSTRUMENTS, KITS, RATE, Audio, Drum, Instrument, hit

_LONGEST_ROOM = 1.2  # seconds
_QUIET = np.float32(1e-9)  # power, so that a moment without a note is not divided by zero


@attrs.frozen(eq=False)
class Artist:
    """An artist: a genre as this artist plays it, and a sound."""

    genre: Genre
    tuning: float
    """Semitones off concert pitch."""
    tempo: float
    """Favourite place within the genre's range, 0 to 1."""
    loose: float
    """Standard deviation of the timing, seconds."""
    voices: Mapping[str, Instrument]
    """Role -> instrument."""
    gains: Mapping[str, float]
    """Role, or drums -> factor."""
    pans: Mapping[str, float]
    """Role, or drums -> -1 (left) to 1 (right)."""
    spreads: Mapping[str, int]
    """Role, or drums -> samples by which the right channel is late, which makes it wide."""
    kit: Mapping[str, Audio]
    """Drum -> (samples,)."""
    response: npt.NDArray[np.complex64]
    """(2, frequencies): room and equaliser as one filter."""
    squeeze: float
    """Compression: the exponent by which slow changes of loudness shrink, 0 to 1."""
    width: float
    """Factor on the side signal."""
    loudness: float
    """RMS, dB below full scale."""
    hiss: float
    """RMS of the noise, dB below full scale."""


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random numbers that belong to a name, whatever else is drawn elsewhere."""
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def create_artist(genre: Genre, index: int, *, seed: int, difficulty: float, seconds: float) -> Artist:
    """Invent artist number `index` of a genre, with filters for clips of `seconds`."""
    rng = stream(seed, genre.name, index)
    genre = cross_over(genre, difficulty, rng)
    tracks = (*ROLES, "drums")
    return Artist(
        genre=genre,
        tuning=rng.normal(0, 0.2),
        tempo=rng.random(),
        loose=rng.uniform(0, 0.008),
        voices={role: _voice(getattr(genre, role).instruments, rng) for role in ROLES},
        gains={track: _ratio(4, rng) for track in tracks},
        pans={track: rng.uniform(-0.5, 0.5) if track in ("chords", "lead") else 0.0 for track in tracks},
        spreads={track: 0 if track == "bass" else int(rng.integers(12, 600)) for track in tracks},
        kit={name: hit(_tuned(drum, rng), rng) for name, drum in KITS[genre.kit].items()},
        response=_response(int(seconds * RATE), rng),
        squeeze=rng.uniform(0, 0.7),
        width=rng.uniform(0.2, 1.4),
        loudness=rng.uniform(-22, -11),
        hiss=rng.uniform(-75, -50) + 15 * difficulty,
    )


def cross_over(genre: Genre, difficulty: float, rng: np.random.Generator) -> Genre:
    """Exchange traits for those of any genre, each with the probability `difficulty`; the patterns stay."""
    for names in (("tempo",), ("swing",), ("scale", "progressions"), ("kit", "pump"), *((r,) for r in ROLES)):
        other = GENRES[rng.integers(len(GENRES))]
        if rng.random() < difficulty:
            changes: dict[str, Any] = {name: _trait(genre, other, name) for name in names}
            genre = attrs.evolve(genre, **changes)
    return genre


def _trait(genre: Genre, other: Genre, name: str) -> object:
    if name in ROLES:
        return attrs.evolve(getattr(genre, name), instruments=getattr(other, name).instruments)
    return getattr(other, name)


def _ratio(decibels: float, rng: np.random.Generator) -> float:
    return float(10 ** (rng.uniform(-decibels, decibels) / 20))


def _voice(names: tuple[str, ...], rng: np.random.Generator) -> Instrument:
    voice = INSTRUMENTS[names[rng.integers(len(names))]]
    return attrs.evolve(
        voice,
        slope=max(0.4, voice.slope + rng.normal(0, 0.2)),
        even=voice.even * rng.uniform(0.6, 1.2),
        attack=voice.attack * _ratio(4, rng),
        decay=voice.decay * _ratio(4, rng),
        detune=voice.detune * _ratio(5, rng),
        vibrato=voice.vibrato * _ratio(6, rng),
        drive=voice.drive * _ratio(6, rng),
    )


def _tuned(drum: Drum, rng: np.random.Generator) -> Drum:
    shift = _ratio(2.5, rng)
    return attrs.evolve(
        drum,
        tone=drum.tone * shift,
        ring=drum.ring * _ratio(5, rng),
        noise=drum.noise * _ratio(4, rng),
        band=(drum.band[0] * shift, drum.band[1] * shift),
        decay=drum.decay * _ratio(5, rng),
    )


def _response(samples: int, rng: np.random.Generator) -> npt.NDArray[np.complex64]:
    n = 2 * fft.next_fast_len((samples + int(_LONGEST_ROOM * RATE)) // 2 + 1, real=True)
    room: npt.NDArray[np.complex64] = fft.rfft(_room(rng), n)
    f = fft.rfftfreq(n, 1 / RATE)
    octaves = np.log2(np.maximum(f, 20) / 20)
    gains = np.interp(octaves, np.arange(11), rng.normal(0, 3.5, 11))  # dB, a point an octave
    rolled_off = 40 * np.log2(np.maximum(f / rng.uniform(8000, 19000), 1))
    room *= (10 ** ((gains - rolled_off) / 20)).astype(np.float32)
    return room


def _room(rng: np.random.Generator) -> Audio:
    """Return an impulse response (2, samples): the direct sound, and decaying noise 12 ms behind it."""
    t = np.arange(int(_LONGEST_ROOM * RATE), dtype=np.float32) / np.float32(RATE)
    decay = rng.uniform(0.15, 1.1)  # seconds to -60 dB
    tail = rng.standard_normal((2, t.size), dtype=np.float32) * np.exp(-6.9 * t / np.float32(decay))
    tail *= np.float32(rng.uniform(0.05, 0.6)) / np.sqrt(np.sum(tail**2, axis=1, keepdims=True))
    room: Audio = np.roll(tail, int(0.012 * RATE), axis=1)
    room[:, 0] += 1
    return room


def master(artist: Artist, mix: Audio, rng: np.random.Generator) -> Audio:
    """Bring a dry mix (2, samples) to what is published: room, equaliser, compression, loudness; peak below 1."""
    samples = mix.shape[1]
    n = 2 * (artist.response.shape[1] - 1)
    wet = fft.irfft(fft.rfft(mix, n) * artist.response, n)[:, :samples]
    wet = _widen(wet, artist.width) * _leveller(wet, artist.squeeze)
    wet *= np.float32(10 ** (artist.loudness / 20)) / np.sqrt(np.mean(wet**2) + _QUIET)
    wet += np.float32(10 ** (artist.hiss / 20)) * rng.standard_normal(wet.shape, dtype=np.float32)
    published: Audio = np.float32(0.97) * np.tanh(wet)
    return published


def _widen(stereo: Audio, width: float) -> Audio:
    mid, side = (stereo[0] + stereo[1]) / 2, (stereo[0] - stereo[1]) / 2 * np.float32(width)
    return np.stack([mid + side, mid - side])


def _leveller(stereo: Audio, squeeze: float) -> Audio:
    """Return the gain of a compressor that follows the loudness of blocks of 50 ms: (samples,)."""
    block = RATE // 20
    ends = np.arange(0, stereo.shape[1], block)
    power = np.add.reduceat(np.sum(stereo**2, axis=0), ends) / block
    gains = (power + 0.03 * power.max() + _QUIET) ** (-squeeze / 2)
    gain: Audio = np.interp(np.arange(stereo.shape[1]), ends + block / 2, gains).astype(np.float32)
    return gain
