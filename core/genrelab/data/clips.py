"""Serve batches of stored features to a training: gathered straight from the map, no work per item in Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.components import Subset
from genrelab.data.store import FeatureStore


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
    """

    def __init__(
        self,
        store: FeatureStore,
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        subsets: Sequence[str],
        classes: Sequence[str],
        statistics: tuple[Tensor, Tensor] | None,
        device: torch.device,
    ) -> None:
        self.device = device
        self.classes = tuple(classes)
        self.shape = store.shape
        self._store = store
        self._rows = rows
        self._labels = torch.from_numpy(labels)
        self._tracks = {s: np.flatnonzero(np.asarray(subsets) == s) for s in set(subsets)}
        self._statistics = tuple(t.to(device) for t in statistics) if statistics else None

    def count(self, subset: Subset) -> int:
        """Return the number of clips of a subset."""
        return len(self._tracks[subset])

    def targets(self, subset: Subset) -> Tensor:
        """Return the class indices of a subset (clips,), on the device."""
        return self._labels[self._tracks[subset]].to(self.device)

    def batches(
        self, subset: Subset, batch_size: int, order: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (x, y): float32 (batch, bins, frames) and class indices (batch,); the last may be smaller.

        Args:
            subset: whose clips.
            batch_size: clips a batch.
            order: a permutation of the subset's clips; None for their own order.
        """
        tracks = self._tracks[subset] if order is None else self._tracks[subset][order]
        for start in range(0, len(tracks), batch_size):
            yield self._batch(tracks[start : start + batch_size])

    def _batch(self, tracks: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        x, y = torch.from_numpy(self._store.gather(self._rows[tracks])), self._labels[tracks]
        if self.device.type == "cuda":  # from page-locked memory the copy runs beside the computation
            x, y = (t.pin_memory().to(self.device, non_blocking=True) for t in (x, y))
        else:
            x, y = x.to(self.device), y.to(self.device)
        x = x.float()
        if self._statistics:
            mean, deviation = self._statistics
            x = (x - mean) / deviation
        return x, y
