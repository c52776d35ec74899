"""A file of any length in clips as long as those of the experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from genrelab.config.experiment import Audio
from genrelab.data.audio import SILENCE, BadAudio, Waveform, fit_length, stream_mono
from genrelab.data.store import Rejected


class Clip(NamedTuple):
    """A part of a file, as long as a clip of the experiment."""

    start: float
    """Where it begins, in seconds."""
    seconds: float
    """How much of it is of the file; the rest is what short clips are filled with."""
    samples: Waveform
    """float32 (samples,)."""


def clips_of_file(path: str, audio: Audio, hop: float = 0.0) -> Iterator[Clip]:
    """Decode a file, however long, clip by clip; memory holds a few clips.

    Raises:
        BadAudio: as `stream_mono`.
    """
    return clips_of(stream_mono(path, audio.sample_rate), audio, hop)


def read_clips_of(path: str, audio: Audio, hop: float, most: float) -> list[Clip] | Rejected | None:
    """Return the clips of a file, or why there are none; None where they are longer than `most` seconds together.

    It stands here, where no module imports torch, because a process that only decodes must start quickly.
    """
    clips: list[Clip] = []
    try:
        for clip in clips_of_file(path, audio, hop):
            clips.append(clip)
            if len(clips) * audio.seconds > most:
                return None
    except BadAudio as error:
        return Rejected(error.reason, error.message)
    except Exception as error:  # one file must not end the rest
        return Rejected("failed", f"{type(error).__name__}: {error}")
    return clips


def clips_of(blocks: Iterable[Waveform], audio: Audio, hop: float = 0.0) -> Iterator[Clip]:
    """Cut a waveform into clips.

    One begins every `hop` seconds. What is left at the end gets a clip of its own, aligned with the end, where it
    is at least `audio.min_share` of a hop. A waveform shorter than a clip is filled as in training. Clips in which
    there is no sound are left out, as files are in which there is none.

    Args:
        blocks: the waveform in pieces, each float32 (samples,).
        audio: length of a clip and what short ones are filled with.
        hop: seconds from one clip to the next; 0: the length of a clip.
    """
    rate, length = audio.sample_rate, round(audio.seconds * audio.sample_rate)
    step = max(1, round(hop * rate)) if hop else length
    held, first, begin = np.zeros(0, np.float32), 0, 0  # samples held, where they begin, where the next clip does
    for block in blocks:
        held = np.concatenate([held, block])
        while begin + length <= first + len(held):
            yield from _sounding(begin, held[begin - first :][:length], rate)
            begin += step
        kept = max(first, min(begin, first + len(held) - length))
        held, first = held[kept - first :], kept
    end = first + len(held)
    rest = end - (begin - step + length)
    if not begin:
        for start, seconds, samples in _sounding(0, held, rate):
            yield Clip(start, seconds, fit_length(samples, length, audio.pad))
    elif rest >= max(1, audio.min_share * step):
        yield from _sounding(end - length, held[-length:], rate)


def _sounding(begin: int, samples: Waveform, rate: int) -> Iterator[Clip]:
    if np.abs(samples).max(initial=0.0) >= SILENCE:
        yield Clip(begin / rate, len(samples) / rate, samples)
