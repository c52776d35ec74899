"""Compact fingerprints of stored clips: the same music has nearly the same bits, re-encoded, louder or shifted.

A bit says whether the difference between two neighbouring bands rises or falls at a moment, as in Haitsma and
Kalker, A Highly Robust Audio Fingerprinting System, ISMIR 2002; but over 0.6 s, so that a shift by half a frame of
the feature changes few of them. Differences of bands and of times cancel volume, equaliser and normalisation.

To find the like without comparing all with all, a second of those differences is projected on random directions,
and the signs of the projections are a key (locality-sensitive hashing, Charikar, STOC 2002).
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from genrelab.data.store import FeatureStore, Rows

STEP = 0.1
"""Seconds from one moment to the next."""
BITS = 32
"""Bits of a moment, at most; a feature with fewer bins has fewer."""
SPAN = 0.3
"""Seconds before a moment that are compared with as many after it."""
FEWEST_BITS = 8
SHORTEST = 2.0
"""Seconds of a clip below which too few bits are left to tell music apart."""

_WINDOW = 10  # moments that make a key
_BLOCK = 64  # clips read at once
_FLAT = 0.05  # share of a clip's mean change below which a moment is silence or padding
_LARGE = 1 << 26  # bytes from which an array is in a file
_FLIPS = 6  # least certain signs of a key that are tried both ways


class Fingerprints(NamedTuple):
    """Of n clips, T moments each; where they are many, in temporary files."""

    codes: NDArray[np.uint32]
    """(n, T): the bits of each moment."""
    valid: NDArray[np.bool_]
    """(n, T): whether anything changes at the moment."""
    bits: int
    """Bits of a code that mean something."""
    keys: NDArray[np.uint32]
    """(n, T - 9): the hash of the second that begins at each moment."""
    asked: NDArray[np.uint32]
    """(queries, windows): the keys of the queries at some windows."""
    weak: NDArray[np.uint8]
    """(queries, windows, 6): the places of their least certain bits."""
    places: NDArray[np.int64]
    """(windows,): the moments at which these windows begin."""

    def probes(self, part: slice) -> NDArray[np.uint32]:
        """Return the keys of some queries with their least certain bits both ways: (queries, windows, 64)."""
        flips = np.arange(1 << _FLIPS)[:, None] >> np.arange(_FLIPS) & 1  # (64, 6): every subset of them
        masks = (flips << self.weak[part][..., None, :].astype(np.int64)).sum(-1).astype(np.uint32)
        near: NDArray[np.uint32] = self.asked[part][..., None] ^ masks
        return near


def unfit(shape: tuple[int, int], seconds: float) -> str:
    """Say why clips (bins, frames) of so many seconds have no fingerprints; an empty text where they have."""
    if shape[0] <= FEWEST_BITS:
        return f"the feature has {shape[0]} bins; more than {FEWEST_BITS} are needed"
    if seconds < SHORTEST:
        return f"clips last {seconds:g} s; at least {SHORTEST:g} s are needed"
    return ""


def fingerprint(store: FeatureStore, rows: Rows, seconds: float, queries: Rows, windows: int) -> Fingerprints:
    """Compute fingerprints: 9 bytes a moment, whatever the feature.

    Args:
        store: holds the clips.
        rows: (n,) of the store.
        seconds: length of a clip.
        queries: which of the n clips need probes, ascending.
        windows: how many of each.
    """
    bits = min(BITS, store.shape[0] - 1)
    times = np.arange(SPAN, seconds - SPAN + 1e-9, STEP)
    moments = len(times)
    size = key_bits(len(rows) * moments)
    directions = np.random.default_rng(0).standard_normal((bits * _WINDOW, size), dtype=np.float32)
    places = np.unique(np.linspace(0, moments - _WINDOW, windows).astype(np.int64))
    codes = scratch((len(rows), moments), np.uint32, store.path)
    valid = scratch((len(rows), moments), np.bool_, store.path)
    keys = scratch((len(rows), moments - _WINDOW + 1), np.uint32, store.path)
    asked = np.empty((len(queries), len(places)), np.uint32)
    weak = np.empty((*asked.shape, _FLIPS), np.uint8)
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        change = rise(steps_between(store.gather(rows[part])), seconds, times, SPAN)  # (block, bits, moments)
        strength = np.abs(change).mean(1)
        valid[part] = strength > _FLAT * strength.mean(1, keepdims=True)
        codes[part] = _packed(change.swapaxes(1, 2))
        projected = _seconds(change) @ directions  # (block, moments - 9, size)
        keys[part] = _packed(projected)
        own = slice(*np.searchsorted(queries, [start, start + _BLOCK]))
        asking = projected[queries[own] - start][:, places]
        asked[own] = _packed(asking)
        weak[own] = np.argsort(np.abs(asking), axis=-1)[..., :_FLIPS]
    return Fingerprints(codes, valid, bits, keys, asked, weak, places)


def scratch(shape: tuple[int, ...], kind: type[np.generic], folder: Path) -> NDArray[Any]:
    """Return an array to fill: in memory, or, where it is large, in a file without a name that goes with it.

    Args:
        shape: of the array.
        kind: of its elements.
        folder: where there is room for the file; where nobody may write to it, one for temporary files is used.

    Raises:
        OSError: the disk is full.
    """
    size = math.prod(shape) * np.dtype(kind).itemsize
    if size < _LARGE:
        return np.empty(shape, kind)
    with TemporaryFile(dir=folder if os.access(folder, os.W_OK) else None) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # else a full disk would end this process later
        return np.memmap(file, kind, "w+", shape=shape)


def key_bits(keys: int) -> int:
    """Return how long keys are made: so that chance gives each query about as many matches in any collection."""
    return int(np.clip(np.round(np.log2(max(keys, 2))) + 4, 16, 28))


def rise(
    bands: NDArray[np.float32], seconds: float, times: NDArray[np.float64], span: float
) -> NDArray[np.float32]:
    """Return the mean over the `span` seconds after each time less that over as many before: (..., times).

    Args:
        bands: (..., frames), over so many seconds.
        seconds: length of what the frames describe.
        times: in seconds, anywhere between two frames.
        span: in seconds.
    """
    frames = bands.shape[-1]
    total = np.zeros((*bands.shape[:-1], frames + 1))
    np.cumsum(bands, axis=-1, out=total[..., 1:])
    edges = np.clip((times + span * np.array([[-1.0], [0.0], [1.0]])) * (frames / seconds), 0, frames)
    whole = np.minimum(edges.astype(np.int64), frames - 1)
    before, now, after = np.moveaxis(
        total[..., whole] + (edges - whole) * (total[..., whole + 1] - total[..., whole]), -2, 0
    )  # integrals up to there
    result: NDArray[np.float32] = ((after - 2 * now + before) * (seconds / frames / span)).astype(np.float32)
    return result


def steps_between(clips: NDArray[np.float16]) -> NDArray[np.float32]:
    """Pool the bins of clips (n, bins, frames) to at most 33 bands; return how they differ from their neighbours.

    Returns:
        (n, bands - 1, frames).
    """
    bands = min(BITS + 1, clips.shape[1])
    edges = np.linspace(0, clips.shape[1], bands, endpoint=False).astype(np.int64)
    widths = np.diff(edges, append=clips.shape[1]).astype(np.float32)
    pooled = np.add.reduceat(clips.astype(np.float32), edges, axis=1) / widths[:, None]
    difference: NDArray[np.float32] = np.diff(pooled, axis=1)
    return difference


def _seconds(change: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut changes (n, bits, moments) into overlapping seconds: (n, moments - 9, bits * 10)."""
    view = sliding_window_view(change, _WINDOW, axis=2).swapaxes(1, 2)  # (n, moments - 9, bits, 10)
    return view.reshape(*view.shape[:2], -1)


def _packed(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Turn the signs along the last axis into one number."""
    weights = np.uint32(1) << np.arange(values.shape[-1], dtype=np.uint32)
    packed: NDArray[np.uint32] = np.where(values > 0, weights, np.uint32(0)).sum(-1, dtype=np.uint32)
    return packed
