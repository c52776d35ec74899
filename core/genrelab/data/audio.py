"""From an audio file to a mono waveform of one sample rate, or to a reason why not."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from genrelab.errors import WorkError

Waveform = NDArray[np.float32]
Reason = Literal["missing", "undecodable", "empty", "silent", "non_finite"]

VERSION = 1
"""Part of the key of stored features: raise it when `read_mono` gives other samples for the same file."""

SILENCE = 1e-4
"""Peak below which a file is silent: -80 dB of full scale, three steps of 16 bits (an MP3 of silence has one)."""
SHORTEST = 0.1
"""Seconds below which a file counts as empty: a stub, not music."""

_RATES = range(2_000, 768_001)  # Hz; a header that claims another rate is damaged
_MARGIN = 0.1  # seconds read beyond the end, so that the resampler's filter sees what follows
_BLOCK = 1 << 22  # samples of all channels decoded at once (16 MiB): memory never follows the header's claim


class BadAudio(WorkError):  # noqa: N818 - said of the file
    """An audio file that gives no usable waveform.

    Attributes:
        path: the file.
        reason: missing, undecodable, empty (under 0.1 s), silent (peak under -80 dB) or non_finite.
        message: what is wrong, in one line, without the path.
    """

    def __init__(self, path: str, reason: Reason, message: str) -> None:
        super().__init__(path, reason, message)
        self.path, self.reason, self.message = path, reason, message

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def read_mono(path: str | os.PathLike[str], sample_rate: int, seconds: float | None = None) -> Waveform:
    """Decode an audio file, mix its channels to one (their mean) and resample (soxr HQ).

    Args:
        path: any file libsndfile reads: WAV, FLAC, MP3, Ogg Vorbis, Opus, AIFF and others.
        sample_rate: of the result, in Hz.
        seconds: read only the first so many; None reads the whole file.

    Returns:
        float32 (samples,), nominally in -1..1; at most round(seconds * sample_rate) samples, fewer where the
        file is shorter.

    Raises:
        BadAudio: the file is missing, undecodable, empty, silent or has NaN or infinite samples.
    """
    name = os.fspath(path)
    if not Path(name).is_file():
        raise BadAudio(name, "missing", "there is no such file")
    if not Path(name).stat().st_size:
        raise BadAudio(name, "empty", "has no bytes")
    try:
        decoded, rate = _decode(name, seconds)
    except (soundfile.SoundFileError, TypeError, ValueError, OSError) as error:
        raise BadAudio(name, "undecodable", f"cannot be decoded: {_why(error)}") from error
    if len(decoded) < SHORTEST * rate:
        found = f"holds {len(decoded) / rate:.3f} s of audio, less than {SHORTEST} s"
        raise BadAudio(name, "empty", found)
    x: Waveform = soxr.resample(decoded, rate, sample_rate)
    if seconds is not None:
        x = x[: round(seconds * sample_rate)]
    return _audible(x, name)


def fit_length(x: NDArray[Any], samples: int) -> NDArray[Any]:
    """Make a waveform (n,) exactly `samples` long: cut at the end or padded there with zeros; same dtype."""
    if len(x) >= samples:
        return x[:samples]
    out = np.zeros(samples, x.dtype)
    out[: len(x)] = x
    return out


def _decode(name: str, seconds: float | None) -> tuple[Waveform, int]:
    parts = [np.empty(0, np.float32)]
    with soundfile.SoundFile(os.fsencode(name)) as file:
        rate, channels = int(file.samplerate), int(file.channels)
        if rate not in _RATES:
            raise ValueError(f"its header claims a sample rate of {rate} Hz")
        wanted = int(file.frames) if seconds is None else math.ceil((seconds + _MARGIN) * rate)
        # A product with a vector: 20 times faster than mean(1) over interleaved channels.
        weights = np.full(channels, 1 / channels, np.float32)
        while wanted > 0:
            block = file.read(min(wanted, max(1, _BLOCK // channels)), dtype="float32", always_2d=True)
            if not len(block):
                break
            with np.errstate(all="ignore"):  # infinite samples are told of later
                parts.append(block @ weights)
            wanted -= len(block)
    return np.concatenate(parts), rate


def _why(error: Exception) -> str:
    text = str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")
    # What libsndfile says of an MP3 without a frame, although the file is there.
    return "no audio is found in it" if text.startswith("File does not exist") else text


def _audible(x: Waveform, name: str) -> Waveform:
    low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadAudio(name, "non_finite", "holds samples that are NaN or infinite")
    peak = max(abs(low), abs(high))
    if peak < SILENCE:
        raise BadAudio(name, "silent", f"is silent: its peak is {peak:.1g} of full scale")
    return x
