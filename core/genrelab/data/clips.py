"""Serve batches of stored features to a training: windows are copied straight from the map."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Self

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.components import Subset
from genrelab.config.experiment import Audio
from genrelab.data.store import FeatureStore
from genrelab.data.waveforms import joined

Indices = NDArray[np.int64]


@attrs.frozen
class Window:
    """The part of a clip that a model sees at once."""

    frames: int
    hop: int
    """Frames from one window to the next when predicting, at the most."""

    @classmethod
    def of(cls, audio: Audio, frames: int) -> Self:
        """Return the window of clips that have so many frames."""
        length = audio.window_seconds or audio.seconds
        hop = audio.window_hop_seconds or length
        return cls(*(max(1, round(part * frames / audio.seconds)) for part in (length, hop)))

    def starts(self, frames: int) -> Indices:
        """Return where the windows of a clip begin: evenly spaced, the first at its start, the last at its end."""
        last = frames - self.frames
        return np.linspace(0, last, 1 + -(-last // self.hop)).round().astype(np.int64)


def batch_starts(clips: int, batch_size: int) -> range:
    """Return where the batches of an epoch of so many clips begin.

    A last one of a single clip is part of the one before: most layers that normalise over a batch cannot train on
    one.
    """
    alone = clips % batch_size == 1 and 1 < batch_size < clips
    return range(0, clips - alone, batch_size)


class Clips:
    """The tracks of a study in one feature, by subset, on a device.

    Args:
        store: holds the features.
        rows: row of the store for each track, int64 (tracks,).
        labels: class index of each track, int64 (tracks,).
        subsets: subset of each track.
        classes: genres in the order of class indices.
        statistics: mean and deviation, each (bins, 1), by which to standardise; None to take features as stored.
        device: where batches are to be.
        window: what a model sees of a clip; None for whole clips.
        waveforms: store and, for each track, row of the waveforms that take the place of the training features;
            None to train on stored features.

    Attributes:
        shape: (bins, frames) of what a model sees.
        windows_per_clip: how many windows `windows` gives for each clip.
    """

    def __init__(
        self,
        store: FeatureStore,
        rows: Indices,
        labels: Indices,
        subsets: Sequence[str],
        classes: Sequence[str],
        statistics: tuple[Tensor, Tensor] | None,
        device: torch.device,
        window: Window | None = None,
        waveforms: tuple[FeatureStore, Indices] | None = None,
    ) -> None:
        bins, self._frames = store.shape
        window = window or Window(self._frames, self._frames)
        self.device = device
        self.classes = tuple(classes)
        self.shape = bins, window.frames
        self._starts = window.starts(self._frames)
        self.windows_per_clip = len(self._starts)
        self._store = store
        self._rows = rows
        self._labels = torch.from_numpy(labels)
        self._tracks = {s: np.flatnonzero(np.asarray(subsets) == s) for s in set(subsets)}
        self._statistics = tuple(t.to(device) for t in statistics) if statistics else None
        self._waveforms = waveforms

    def count(self, subset: Subset) -> int:
        """Return the number of clips of a subset."""
        return len(self._tracks[subset])

    def targets(self, subset: Subset) -> Tensor:
        """Return the class indices of a subset (clips,), on the device."""
        return self._labels[self._tracks[subset]].to(self.device)

    def random_starts(self, count: int, generator: torch.Generator) -> Indices:
        """Draw where a window begins, in frames, for each of so many clips; all 0 where clips are seen whole."""
        return torch.randint(self._frames - self.shape[1] + 1, (count,), generator=generator).numpy()

    def batches(
        self,
        subset: Subset,
        batch_size: int,
        order: Indices | None = None,
        starts: Indices | None = None,
        first: int = 0,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one window of each clip, as (x, y); the last batch may be smaller, or larger by one clip.

        x is float32 (batch, bins, frames), y are class indices (batch,). Where there are waveforms to train on, x
        is (batch, samples) for the training set: whole clips, whose windows are cut when they are features.

        Args:
            subset: whose clips.
            batch_size: clips a batch.
            order: indices of the subset's clips, in any order; None for all in their own.
            starts: frame at which the window of each clip in `order` begins; None for the middle of the clip.
            first: batch to begin with.
        """
        tracks = self._tracks[subset] if order is None else self._tracks[subset][order]
        if starts is None:
            starts = np.full(len(tracks), (self._frames - self.shape[1]) // 2)
        edges = [*batch_starts(len(tracks), batch_size), len(tracks)]
        for i, end in itertools.pairwise(edges[first:]):
            batch = tracks[i:end]
            x = (
                self._gather_waveforms(batch, *self._waveforms)
                if subset == "train" and self._waveforms
                else self._gather(batch, starts[i:end])
            )
            yield x, self._to_device(self._labels[batch])

    def windows(self, subset: Subset, batch_size: int, first: int = 0, every: int = 1) -> Iterator[Tensor]:
        """Yield all windows of all clips, those of a clip one after the other, as (batch, bins, frames).

        Args:
            subset: whose clips.
            batch_size: windows a batch.
            first: batch to begin with.
            every: from one batch to the next one that is wanted.
        """
        tracks = np.repeat(self._tracks[subset], self.windows_per_clip)
        starts = np.tile(self._starts, self.count(subset))
        for i in range(first * batch_size, len(tracks), every * batch_size):
            yield self._gather(tracks[i : i + batch_size], starts[i : i + batch_size])

    def standardise(self, x: Tensor) -> Tensor:
        """Apply the statistics, if any, in place, to features (..., bins, frames)."""
        if self._statistics:
            mean, deviation = self._statistics
            x.sub_(mean).div_(deviation)
        return x

    def _gather(self, tracks: Indices, starts: Indices) -> Tensor:
        window = () if self.shape[1] == self._frames else (starts, self.shape[1])
        rows = self._rows[tracks]
        if self.device.type == "cpu":
            x = torch.empty(len(rows), *self.shape)
            for clip, view in zip(x, self._store.views(rows, *window), strict=True):
                self.standardise(clip.copy_(torch.from_numpy(view)))  # rather than the batch in three passes
            return x
        return self.standardise(self._to_device(torch.from_numpy(self._store.gather(rows, *window))).float())

    def _gather_waveforms(self, tracks: Indices, store: FeatureStore, rows: Indices) -> Tensor:
        return joined(self._to_device(torch.from_numpy(store.gather(rows[tracks]))).float())

    def _to_device(self, x: Tensor) -> Tensor:
        if self.device.type == "cuda":  # from page-locked memory the copy runs beside the computation
            return x.pin_memory().to(self.device, non_blocking=True)
        return x.to(self.device)
