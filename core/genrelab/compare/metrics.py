"""Scores of predicted probabilities, as functions of how often each cluster of test tracks is counted.

A cluster is an artist, or a track whose artist is unknown. Scores that are made of counts (accuracy, F1 and the
like) come from sums over clusters, so that thousands of resamples are one matrix product. The ranking scores
(ROC-AUC, average precision) are taken to first order in the weights of the clusters, as DeLong et al. (Biometrics
44, 1988) and, for clusters, Obuchowski (Biometrics 53, 1997) do.

A genre that does not occur in a resample counts as in `genrelab.training.metrics`: its F1 is 0 and enters the macro
mean, which is over all genres. Balanced accuracy is over the genres that occur, the ranking scores over those that
have tracks both in and outside of them; so does scikit-learn.
"""

from __future__ import annotations

from typing import Self

import attrs
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

COUNTED = ("accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "top3_accuracy", "log_loss")
RANKED = ("roc_auc", "average_precision")
METRICS = (*COUNTED, *RANKED)
PER_GENRE = ("precision", "recall", "f1")
_TOP = 3


@attrs.frozen(eq=False)
class Tallies:
    """What the scores need to know of the predictions of a candidate: S runs, G clusters, C genres."""

    support: Floats
    """(G, C) tracks of each genre."""
    sums: Floats
    """(S, G, 2C + 2): by genre, the tracks rightly and in all taken for it; tracks with the true genre among the
    first three; sum of -log p(true genre)."""
    ranked: Floats
    """(S, 2) ROC-AUC and average precision."""
    gradients: Floats
    """(S, G, 2) their derivatives by the weight of a cluster."""

    @classmethod
    def of(cls, probabilities: Floats, true: Indices, clusters: Indices) -> Self:
        """Count the predictions of one candidate.

        Args:
            probabilities: (S, tracks, C), positive rows that sum to 1.
            true: (tracks,) genre indices.
            clusters: (tracks,) cluster of each track, 0..G-1, each of which occurs.
        """
        truth = np.eye(probabilities.shape[2])[true]
        ranked = [_ranking(p, truth) for p in probabilities]
        return cls(
            _by_cluster(truth, clusters),
            np.stack([_by_cluster(_columns(p, true), clusters) for p in probabilities]),
            np.stack([values for values, _ in ranked]),
            np.stack([_by_cluster(gradient, clusters) for _, gradient in ranked]),
        )

    @property
    def clusters(self) -> int:
        """Number of clusters G."""
        return len(self.support)

    def scores(self, weights: Floats | None = None) -> Floats:
        """Score each run with clusters counted as often as weights say.

        Args:
            weights: (B, clusters); None: each once.

        Returns:
            (S, B, 8 + 3C): `METRICS`, then precision, recall and F1 of all genres, one after the other.
        """
        weights = np.ones((1, self.clusters)) if weights is None else weights
        sums, support = weights @ self.sums, weights @ self.support
        relative = weights * (self.clusters / weights.sum(axis=1, keepdims=True))
        ranked = np.clip(self.ranked[:, None] + relative @ self.gradients, 0, 1)
        return np.concatenate([counted(sums, support), ranked, genre_scores(sums, support)], axis=-1)


def counted(sums: Floats, support: Floats) -> Floats:
    """Return the scores named by `COUNTED`: sums (..., 2C + 2) and support (..., C) -> (..., 6)."""
    classes, tracks = support.shape[-1], support.sum(axis=-1)
    correct = sums[..., :classes]
    f1 = _f1(sums, support)
    values = (
        correct.sum(axis=-1) / tracks,
        f1.mean(axis=-1),
        (f1 * support).sum(axis=-1) / tracks,
        _ratio(correct, support).sum(axis=-1) / (support > 0).sum(axis=-1),
        sums[..., -2] / tracks,
        sums[..., -1] / tracks,
    )
    return np.stack(values, axis=-1)


def genre_scores(sums: Floats, support: Floats) -> Floats:
    """Return precision, recall and F1 of the genres: sums (..., 2C + 2) and support (..., C) -> (..., 3C)."""
    classes = support.shape[-1]
    correct, taken = sums[..., :classes], sums[..., classes : 2 * classes]
    return np.concatenate([_ratio(correct, taken), _ratio(correct, support), _f1(sums, support)], axis=-1)


def _f1(sums: Floats, support: Floats) -> Floats:
    classes = support.shape[-1]
    return _ratio(2 * sums[..., :classes], sums[..., classes : 2 * classes] + support)


def _ratio(part: Floats, whole: Floats) -> Floats:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


def _by_cluster(values: Floats, clusters: Indices) -> Floats:
    """Sum values (tracks, n) over the tracks of each cluster: (G, n)."""
    sums = np.zeros((int(clusters.max()) + 1, values.shape[1]))
    np.add.at(sums, clusters, values)
    return sums


def _columns(probabilities: Floats, true: Indices) -> Floats:
    """Return what each track adds to the sums: (tracks, 2C + 2)."""
    tracks, classes = probabilities.shape
    guess = np.eye(classes)[probabilities.argmax(axis=1)]
    right = guess * (guess.argmax(axis=1) == true)[:, None]
    first = np.argsort(probabilities, axis=1, kind="stable")[:, -_TOP:]
    hit = (first == true[:, None]).any(axis=1)
    return np.column_stack([right, guess, hit, -np.log(probabilities[np.arange(tracks), true])])


def _ranking(probabilities: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """Return macro ROC-AUC and average precision (2,), and their derivatives by the weight of each track."""
    values, gradients = np.zeros((2, truth.shape[1])), np.zeros((len(truth), 2))
    ranked = np.flatnonzero((truth.sum(axis=0) > 0) & (truth.sum(axis=0) < len(truth)))
    for genre in ranked:
        order = np.argsort(-probabilities[:, genre], kind="stable")
        y = truth[order, genre]
        starts, ends = _ties(probabilities[order, genre])
        for i, rank in enumerate((_roc_auc, _average_precision)):
            values[i, genre], gradient = rank(y, starts, ends)
            gradients[order, i] += gradient / len(ranked)
    return values[:, ranked].mean(axis=1), gradients


def _ties(ordered: Floats) -> tuple[Indices, Indices]:
    """Return for each place the first place of equal value and the place after the last: each (tracks,)."""
    edges = np.flatnonzero(np.diff(ordered, prepend=np.nan, append=np.nan) != 0)
    lengths = np.diff(edges)
    return np.repeat(edges[:-1], lengths), np.repeat(edges[1:], lengths)


def _roc_auc(y: Floats, starts: Indices, ends: Indices) -> tuple[float, Floats]:
    """Return the area and its derivatives.

    Args:
        y: 0 or 1, from the highest probability down.
        starts: from `_ties`, as are ends.
        ends: the place after the last of equal probability.
    """
    positives, negatives = _before(y), _before(1 - y)
    below = (negatives[-1] - (negatives[starts] + negatives[ends]) / 2) / negatives[-1]
    above = (positives[starts] + positives[ends]) / 2 / positives[-1]
    area = float(y @ below / positives[-1])
    return area, np.where(y > 0, (below - area) / positives[-1], (above - area) / negatives[-1])


def _average_precision(y: Floats, starts: Indices, ends: Indices) -> tuple[float, Floats]:
    """Return the average precision and its derivatives, as `_roc_auc` does."""
    found, seen = _before(y)[ends], ends
    precision, positives = found / seen, y.sum()
    average = float(y @ precision / positives)
    # A track's weight enters found and seen of every place from the first of its ties on.
    gained, lost = (part.sum() - _before(part)[starts] for part in (y / seen, y * found / seen**2))
    return average, (y * (precision - average + gained) - lost) / positives


def _before(values: Floats) -> Floats:
    """Return the sum of all values before each place: (n,) -> (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(values)])
