"""From an audio file to a mono waveform of one sample rate, or to a reason why not."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from genrelab.config.experiment import Audio
from genrelab.data.store import Rejected
from genrelab.errors import WorkError

Waveform = NDArray[np.float32]
Reason = Literal[
    "missing", "undecodable", "empty", "truncated", "wrong_duration", "silent", "constant", "non_finite"
]

VERSION = 1
"""Part of the key of stored features: raise it when `read_mono` gives other samples for the same file."""

SILENCE = 1e-4
"""Peak below which a file is silent: -80 dB of full scale, three steps of 16 bits (an MP3 of silence has one)."""
SHORTEST = 0.1
"""Seconds below which a file counts as empty: a stub, not music."""

_UNDECODABLE = (soundfile.SoundFileError, TypeError, ValueError, OSError)
_RATES = range(2_000, 768_001)  # Hz; a header that claims another rate is damaged
_MARGIN = 0.1  # seconds read beyond the end, so that the resampler's filter sees what follows
_BLOCK = 1 << 22  # samples of all channels decoded at once (16 MiB): memory never follows the header's claim


class Excerpt(NamedTuple):
    """A part of an audio file."""

    path: str
    start: float = 0.0
    """Where it begins, in seconds."""
    duration: float = 0.0
    """Seconds; 0: up to the end of the file."""


class BadAudio(WorkError):  # noqa: N818 - said of the file
    """An audio file that gives no usable waveform.

    Attributes:
        path: the file.
        reason: missing; undecodable; empty (under 0.1 s); truncated (less than the share that is wanted);
            wrong_duration (the same, though the header claims enough); silent (peak under -80 dB); constant (it
            never moves); non_finite.
        message: what is wrong, in one line, without the path.
    """

    def __init__(self, path: str, reason: Reason, message: str) -> None:
        super().__init__(path, reason, message)
        self.path, self.reason, self.message = path, reason, message

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def read_mono(
    excerpt: str | os.PathLike[str] | Excerpt,
    sample_rate: int,
    seconds: float | None = None,
    *,
    cut: str = "start",
    segments: int = 3,
    min_share: float = 0.0,
) -> Waveform:
    """Decode an audio file or a part of it, mix its channels to one (their mean) and resample (soxr HQ).

    Args:
        excerpt: any file libsndfile reads (WAV, FLAC, MP3, Ogg Vorbis, Opus, AIFF and others), or a part of one.
        sample_rate: of the result, in Hz.
        seconds: keep only so many; None keeps all.
        cut: which are kept where there are more, by the length that the header claims: the first (``start``), the
            middle ones (``centre``), or equal parts joined, the first from the start, the last from the end and
            the others evenly between (``segments``).
        segments: number of these parts.
        min_share: of `seconds` that there must be.

    Returns:
        float32 (samples,), nominally in -1..1; at most round(seconds * sample_rate) samples, fewer where the
        file is shorter.

    Raises:
        BadAudio: the file is missing, undecodable, too short, silent, constant or has NaN or infinite samples.
    """
    part = excerpt if isinstance(excerpt, Excerpt) else Excerpt(os.fspath(excerpt))
    name = part.path
    _check_bytes(name)
    try:
        decoded = _decode(part, seconds, cut, segments)
    except _UNDECODABLE as error:
        raise BadAudio(name, "undecodable", f"cannot be decoded: {why(error)}") from error
    parts, rate, claimed, wanted = decoded
    late = 0.5 if len(parts) > 1 else 0.0  # samples by which a part may begin too late
    held = sum(min((len(x) + late) / rate, wanted) for x in parts)
    _check_length(part, held, claimed, max(SHORTEST, min_share * (seconds or 0)))
    _check_sound([_first(x, wanted * rate) for x in parts], name)
    # Half a sample more of each part: joined, there must not be too few.
    resampled = [_first(soxr.resample(x, rate, sample_rate), wanted * sample_rate + 0.5) for x in parts]
    x = _first(_joined(resampled), wanted * sample_rate * len(parts))
    _check_sound([x], name, moving=True)
    return x


def stream_mono(path: str, sample_rate: int) -> Iterator[Waveform]:
    """Decode a whole file, however long, in blocks; together they are the samples that `read_mono` gives.

    Args:
        path: any file libsndfile reads.
        sample_rate: of the result, in Hz.

    Yields:
        float32 (samples,), nominally in -1..1; at most 2 ** 22 samples before they are resampled.

    Raises:
        BadAudio: as in `read_mono`; that a file is silent or constant is known at its end.
    """
    _check_bytes(path)
    low, high, decoded = np.float32(np.inf), np.float32(-np.inf), 0
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            rate = _rate(file)
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
            for block, is_last in _blocks(file, max(1, int(file.frames))):
                low = np.minimum(low, block.min(initial=np.inf))
                high = np.maximum(high, block.max(initial=-np.inf))
                decoded += len(block)
                if len(block) and not np.isfinite([low, high]).all():
                    break
                yield resampler.resample_chunk(block, last=is_last)
    except _UNDECODABLE as error:
        raise BadAudio(path, "undecodable", f"cannot be decoded: {why(error)}") from error
    _check_length(Excerpt(path), decoded / rate, decoded / rate, SHORTEST)
    _check_sound([np.array([low, high])], path)


def read_clip(excerpt: Excerpt, audio: Audio) -> Waveform | Rejected:
    """Return the clip of a file, float32 (samples,), cut or padded, or why there is none; never raises."""
    try:
        x = read_mono(
            excerpt,
            audio.sample_rate,
            audio.seconds,
            cut=audio.cut,
            segments=audio.segments,
            min_share=audio.min_share,
        )
        return fit_length(x, round(audio.seconds * audio.sample_rate), audio.pad)
    except BadAudio as error:
        return Rejected(error.reason, error.message)
    except Exception as error:  # one file must not end the rest
        return Rejected("failed", f"{type(error).__name__}: {error}")


def fit_length(x: NDArray[Any], samples: int, pad: str = "zeros") -> NDArray[Any]:
    """Make a waveform (n,) exactly `samples` long; same dtype.

    Longer ones are cut at the end. Shorter ones get zeros (``zeros``), as many whole copies of themselves as fit
    and then zeros (``repeat``), or copies up to the end, the last one cut (``wrap``).
    """
    if len(x) >= samples:
        return x[:samples]
    if pad == "wrap":
        return np.resize(x, samples)
    copies = samples // len(x) if pad == "repeat" and len(x) else 1
    out = np.zeros(samples, x.dtype)
    out[: copies * len(x)] = np.tile(x, copies)
    return out


class _Decoded(NamedTuple):
    """Parts of a file, each with a margin after it."""

    parts: list[Waveform]
    rate: int
    """Hz."""
    claimed: float
    """Seconds that the header claims."""
    wanted: float
    """Seconds of each part; infinite for all there are."""


def _decode(part: Excerpt, seconds: float | None, cut: str, segments: int) -> _Decoded:
    with soundfile.SoundFile(os.fsencode(part.path)) as file:
        rate = _rate(file)
        limit = part.duration or math.inf
        claimed = min(max(0.0, file.frames / rate - part.start), limit)
        wanted = min(math.inf if seconds is None else seconds, limit)
        spare = max(0.0, claimed - wanted)
        count = segments if cut == "segments" and spare else 1
        if count > 1:
            wanted /= count
            starts = np.linspace(part.start, part.start + claimed - wanted, count).tolist()
        else:
            starts = [part.start + (spare / 2 if cut == "centre" else 0.0)]
        parts = [x for x in (_read(file, start, wanted) for start in starts) if len(x)]
        return _Decoded(parts, rate, claimed, wanted)


def _read(file: soundfile.SoundFile, start: float, seconds: float) -> Waveform:
    """Decode the seconds after a start, and a margin, and mix the channels."""
    rate = int(file.samplerate)
    if start:
        file.seek(min(round(start * rate), file.frames))
    left = max(1, int(file.frames)) if seconds == math.inf else math.ceil((seconds + _MARGIN) * rate)
    return _joined([block for block, _ in _blocks(file, left)])


def _joined(parts: list[Waveform]) -> Waveform:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _first(x: Waveform, samples: float) -> Waveform:
    return x if samples == math.inf else x[: round(samples)]


def _blocks(file: soundfile.SoundFile, left: float) -> Iterator[tuple[Waveform, bool]]:
    """Yield at most `left` samples, mixed to one channel, in blocks, with whether a block is the last."""
    channels = int(file.channels)
    # A product with a vector: 20 times faster than mean(1) over interleaved channels.
    weights = np.full(channels, 1 / channels, np.float32)
    size = max(1, _BLOCK // channels)
    is_last = False
    while not is_last:
        block = file.read(min(left, size), dtype="float32", always_2d=True)
        left -= len(block)
        is_last = len(block) < size or left <= 0  # asking once more would make an MP3 decoder seek
        with np.errstate(all="ignore"):  # infinite samples are told of later
            yield block @ weights, is_last


def _rate(file: soundfile.SoundFile) -> int:
    rate = int(file.samplerate)
    if rate not in _RATES:
        raise ValueError(f"its header claims a sample rate of {rate} Hz")
    return rate


def _check_bytes(name: str) -> None:
    if not Path(name).is_file():
        raise BadAudio(name, "missing", "there is no such file")
    if not Path(name).stat().st_size:
        raise BadAudio(name, "empty", "has no bytes")


def why(error: Exception) -> str:
    """Say in the decoder's words why it cannot read a file."""
    text = str(getattr(error, "error_string", error)).removeprefix("Error : ").rstrip(".")
    # What libsndfile says of an MP3 without a frame, although the file is there.
    return "no audio is found in it" if text.startswith("File does not exist") else text


def _check_length(part: Excerpt, held: float, claimed: float, needed: float) -> None:
    """Refuse audio that is too short; all in seconds."""
    if held >= needed - 1e-9:  # a sum of parts
        return
    found = f"holds {held:.3f} s of audio" + (f" from {part.start:g} s on" if part.start else "")
    if claimed >= needed:
        raise BadAudio(part.path, "wrong_duration", f"{found}, but its header claims {claimed:.3f} s")
    reason: Reason = "empty" if held < SHORTEST else "truncated"
    raise BadAudio(part.path, reason, f"{found}, less than {needed:g} s")


def _check_sound(parts: list[Waveform], name: str, *, moving: bool = False) -> None:
    """Refuse what holds no sound; `moving` where it is known to change."""
    low, high = min(float(x.min()) for x in parts), max(float(x.max()) for x in parts)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise BadAudio(name, "non_finite", "holds samples that are NaN or infinite")
    peak = max(abs(low), abs(high))
    if peak < SILENCE:
        raise BadAudio(name, "silent", f"is silent: its peak is {peak:.1g} of full scale")
    if not moving and high - low < SILENCE:
        raise BadAudio(name, "constant", f"is constant: every sample is {high:.3g}")
