"""One audio file to one clip of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genrelab.config.experiment import Audio
from genrelab.data.audio import Excerpt, Waveform, read_clip
from genrelab.data.normalization import normalize_clips
from genrelab.data.store import Rejected
from genrelab.errors import WorkError
from genrelab.times import timed

Outcome = NDArray[np.float16] | Rejected
"""A clip (bins, frames), or why there is none."""


class Timed(NamedTuple):
    """What became of a file, and the seconds that this took."""

    outcome: Outcome
    feature_seconds: float
    decode_seconds: float


class ClipMaker:
    """Makes stored clips of audio files; picklable as `make_feature` is, since each process builds its own module.

    Args:
        make_feature: gives the module (batch, samples) -> (batch, bins, frames).
        audio: how files are read.
        normalization: what is done to each clip.
    """

    def __init__(self, make_feature: Callable[[], Any], audio: Audio, normalization: str) -> None:
        self._make_feature = make_feature
        self._module: Any = None
        self.audio, self._normalization = audio, normalization

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_module": None}

    def shape(self) -> tuple[int, int]:
        """Return (bins, frames) of a clip.

        Raises:
            WorkError: the feature gives something else.
        """
        samples = round(self.audio.seconds * self.audio.sample_rate)
        given = tuple(self._feature(torch.zeros(1, samples)).shape)
        if len(given) != 3 or given[0] != 1:
            raise WorkError(f"the feature gives the shape {given}, not (batch, bins, frames)")
        return given[1], given[2]

    def __call__(self, excerpt: Excerpt) -> Timed:
        """Return the clip, or why there is none, and what it took; no file makes it raise."""
        read, decode_seconds = timed(read_clip, excerpt, self.audio)
        return Timed(*timed(self.of, read), decode_seconds)

    def of(self, read: Waveform | Rejected) -> Outcome:
        """Return the clip (bins, frames) of what `read_clip` gave, or why there is none."""
        if isinstance(read, Rejected):
            return read
        try:
            y = normalize_clips(self._feature(torch.from_numpy(read)[None]), self._normalization)[0].half()
        except Exception as error:  # the plugin's code may raise anything; one file must not end the rest
            return Rejected("failed", f"{type(error).__name__}: {error}")
        if not torch.isfinite(y).all():
            return Rejected("non_finite", "its feature has values that are NaN, infinite or beyond float16")
        return y.numpy()

    def module(self) -> nn.Module:
        """Return the module that computes the feature, built once in each process."""
        if self._module is None:
            self._module = self._make_feature().eval()
        module: nn.Module = self._module
        return module

    @torch.inference_mode()
    def _feature(self, x: Tensor) -> Tensor:
        result: Tensor = self.module()(x)
        return result


_make: ClipMaker | None = None  # of this worker process


def prepare_worker(make: ClipMaker) -> None:
    """Keep the maker for `make_in_worker`, so that its module is built once a process, not once a file."""
    global _make
    torch.set_num_threads(1)
    _make = make


def make_in_worker(excerpt: Excerpt) -> Timed:
    """Call the maker that this process was prepared with."""
    if _make is None:
        raise RuntimeError("prepare_worker was not called")
    return _make(excerpt)
