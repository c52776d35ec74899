"""Near-duplicate recordings among stored clips: candidates by hashing, then a closer look at the likest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrelab.data.audit.fingerprints import (
    STEP,
    Fingerprints,
    fingerprint,
    key_bits,
    rise,
    scratch,
    steps_between,
)
from genrelab.data.store import FeatureStore, Rows

SAME = 0.62
"""Correlation of the changes in two clips from which they hold the same recording; other music reaches 0.5."""

_UNLIKE = 0.42  # share of differing bits from which a candidate is not looked at closely; chance gives 0.5
_SPAN, _FRAMES = 0.15, 4  # changes are taken over so many seconds, but over so many frames at the least
_NUDGES = np.arange(-5, 6) * 0.02  # seconds by which an alignment is refined
_WINDOWS = 40  # seconds of a clip that are looked up
_CROWDED = 256  # a key that more moments share says nothing: silence, a loop
_OVERLAP = 20  # moments that must be comparable
_CHUNK = 4096  # candidates compared, or clips looked through, at once
_SORTED = 1 << 23  # keys sorted at once
_QUERIES = 64  # clips looked up at once


class Duplicate(NamedTuple):
    """Two clips with the same music."""

    first: int
    """Position of one of them."""
    second: int
    offset: float
    """Seconds by which what is heard in the first is heard later in the second."""
    agreement: float
    """Correlation of their changes, aligned: 0.62 at the least, 1 for the same audio."""


def find_duplicates(store: FeatureStore, rows: Rows, seconds: float, subsets: Sequence[str]) -> Iterator[Duplicate]:
    """Yield the pairs of near-duplicates in different subsets, each pair once.

    Args:
        store: holds the clips.
        rows: (n,) of the store.
        seconds: length of a clip; see `unfit`.
        subsets: (n,) subset of each clip; those of ``train`` are only compared with others.
    """
    _, subset = np.unique(np.array(subsets), return_inverse=True)
    queries = np.flatnonzero(np.array(subsets) != "train")
    prints = fingerprint(store, rows, seconds, queries, _WINDOWS)
    index = _Index(prints, store.path)
    for start in range(0, len(queries), _QUERIES):
        first, second, lag = index.candidates(prints.probes(slice(start, start + _QUERIES)), prints.places)
        first = queries[start + first]
        # A pair of two queries is met twice; the lower one asks.
        other = (subset[first] != subset[second]) & (~np.isin(second, queries) | (first < second))
        for (a, b), moments in _likest(prints, first[other], second[other], lag[other]).items():
            offset, agreement = _align(store, rows[[a, b]], seconds, moments * STEP)
            if agreement >= SAME:
                yield Duplicate(a, b, offset, agreement)


class _Index:
    """The keys of all clips, sorted: a range of them after the other, so that memory is bounded.

    Args:
        prints: of the clips.
        folder: where there is room for what is large.
    """

    def __init__(self, prints: Fingerprints, folder: Path) -> None:
        count = prints.keys.size
        self._width = prints.keys.shape[1]
        self._keys = scratch((count,), np.uint32, folder)
        self._places = scratch((count,), np.uint32 if count < 1 << 32 else np.int64, folder)
        filled = 0
        edges = np.linspace(0, 1 << key_bits(prints.codes.size), -(-count // _SORTED) + 1).astype(np.int64)
        for low, high in pairwise(edges.tolist()):
            keys, places = self._within(prints, low, high)
            order, part = np.argsort(keys, kind="stable"), slice(filled, filled + len(keys))
            self._keys[part], self._places[part] = keys[order], places[order]
            filled = part.stop
        self._keys, self._places = self._keys[:filled], self._places[:filled]

    def _within(self, prints: Fingerprints, low: int, high: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the keys from low to high, without the latter, where something changes; and their places."""
        found = [(prints.keys[:0, 0], self._places[:0])]
        for start in range(0, len(prints.keys), _CHUNK):
            part = slice(start, start + _CHUNK)
            keys, valid = prints.keys[part], prints.valid[part]
            chosen = valid[:, : self._width] & valid[:, -self._width :]  # from the beginning of a second to its end
            chosen &= (keys >= low) & (keys < high)
            places = np.flatnonzero(chosen)
            found.append((keys.ravel()[places], (places + start * self._width).astype(self._places.dtype)))
        keys, places = map(np.concatenate, zip(*found, strict=True))
        return keys, places

    def candidates(self, probes: NDArray[np.uint32], moments: Rows) -> tuple[Rows, Rows, Rows]:
        """Look up probes (queries, windows, near): (query, clip, lag in moments), each combination once."""
        first = np.searchsorted(self._keys, probes, "left").ravel()
        count = np.searchsorted(self._keys, probes, "right").ravel() - first
        count[count > _CROWDED] = 0
        asked = np.repeat(np.arange(probes.size), count)
        within = np.arange(len(asked)) - np.repeat(np.cumsum(count) - count, count)
        clip, moment = np.divmod(self._places[first[asked] + within], self._width)
        query, window = np.divmod(asked // probes.shape[2], probes.shape[1])
        found = np.stack([query, clip, moment - moments[window]])
        query, clip, lag = np.unique(found, axis=1)
        return query, clip, lag


def _likest(prints: Fingerprints, first: Rows, second: Rows, lag: Rows) -> dict[tuple[int, int], int]:
    """Return the pairs whose bits are alike, each with the lag at which they are most so."""
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        difference = _difference(prints, first[part], second[part], lag[part])
        for i in np.flatnonzero(difference < _UNLIKE):
            pair = int(first[start + i]), int(second[start + i])
            best[pair] = min(best.get(pair, (1.0, 0)), (float(difference[i]), int(lag[start + i])))
    return {pair: moments for pair, (_, moments) in best.items()}


def _difference(prints: Fingerprints, first: Rows, second: Rows, lag: Rows) -> NDArray[np.float64]:
    """Return the share of bits that differ between pairs at their lags; 1 where too little can be compared."""
    moments = prints.codes.shape[1]
    there = np.arange(moments) + lag[:, None]  # (pairs, moments) of the second clip
    inside = (there >= 0) & (there < moments)
    there = np.clip(there, 0, moments - 1)
    compared = inside & prints.valid[first] & prints.valid[second[:, None], there]
    differing = np.bitwise_count(prints.codes[first] ^ prints.codes[second[:, None], there])
    count = compared.sum(1)
    share: NDArray[np.float64] = np.where(compared, differing, 0).sum(1) / np.maximum(count * prints.bits, 1)
    share[count < np.minimum(_OVERLAP, moments // 2)] = 1
    return share


def _align(store: FeatureStore, rows: Rows, seconds: float, offset: float) -> tuple[float, float]:
    """Refine the offset of two clips: return (offset, correlation of their changes at it)."""
    span = max(_SPAN, _FRAMES * seconds / store.shape[1])
    first, second = steps_between(store.gather(rows))
    best = (offset, -1.0)
    for nudged in offset + _NUDGES:
        times = np.arange(max(span, span - nudged), min(seconds, seconds - nudged) - span, STEP)
        here, there = rise(first, seconds, times, span), rise(second, seconds, times + nudged, span)
        best = max(best, (float(nudged), _correlation(here, there)), key=lambda found: found[1])
    return best


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the correlation of two arrays (bands, times), bands weighing alike."""
    a, b = ((x - x.mean(1, keepdims=True)) / np.maximum(x.std(1, keepdims=True), 1e-6) for x in (a, b))
    return float((a * b).mean())
