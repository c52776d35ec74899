"""Scores of a classifier, all from its confusion matrix. Values are fractions in 0..1.

Empty classes are treated as scikit-learn does with ``labels=range(classes), zero_division=0``: a class that neither
occurs nor is predicted scores 0 and counts in the macro mean, which is over all classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

Confusion = NDArray[np.int64]


class GenreScores(TypedDict):
    """Scores of one genre."""

    genre: str
    precision: float
    recall: float
    """Also called the accuracy of the genre: the diagonal of the row-normalised confusion matrix."""
    f1: float
    support: int
    """Clips of this genre."""


def confusion_matrix(true: ArrayLike, predicted: ArrayLike, classes: int) -> Confusion:
    """Count clips by true class (rows) and predicted class (columns).

    Args:
        true: class indices, one a clip.
        predicted: class indices, one a clip.
        classes: number of classes C.

    Returns:
        (C, C) counts.

    Raises:
        ValueError: lengths differ, or an index is outside 0..C-1.
    """
    pairs = np.stack([np.asarray(true, np.int64), np.asarray(predicted, np.int64)])
    if pairs.size and (pairs.min() < 0 or pairs.max() >= classes):
        raise ValueError(f"class indices {pairs.min()}..{pairs.max()} are outside 0..{classes - 1}")
    cells = np.bincount(pairs[0] * classes + pairs[1], minlength=classes**2)
    return cells.reshape(classes, classes).astype(np.int64, copy=False)


def scores(confusion: Confusion, loss: float) -> dict[str, float]:
    """Summarise a subset.

    Args:
        confusion: (C, C) counts, true class by predicted class.
        loss: mean loss of the subset, passed through.

    Returns:
        loss; accuracy: correct / all; f1_macro: plain mean over the C classes; f1_weighted: mean weighted by the
        clips of each class; accuracy_one_vs_rest: sum(TP + TN) / sum(TP + TN + FP + FN) over classes, which is
        higher than accuracy wherever C > 2 and not to be compared with it.

    Raises:
        ValueError: the matrix counts no clip.
    """
    total = int(confusion.sum())
    if total == 0:
        raise ValueError("no clips to score")
    correct = int(np.trace(confusion))
    f1, support = _f1(confusion), confusion.sum(axis=1)
    return {
        "loss": float(loss),
        "accuracy": correct / total,
        "f1_macro": float(f1.mean()),
        "f1_weighted": float(f1 @ support / total),
        # Each wrong clip is one FN of its class and one FP of another, among C * total decisions.
        "accuracy_one_vs_rest": 1 - 2 * (total - correct) / (len(confusion) * total),
    }


def per_genre(confusion: Confusion, classes: Sequence[str]) -> list[GenreScores]:
    """Score each genre, in the order of `classes` (the names of the C classes)."""
    correct, support, guesses = np.diagonal(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    columns = (_ratio(correct, guesses), _ratio(correct, support), _f1(confusion), support)
    return [
        GenreScores(genre=genre, precision=float(p), recall=float(r), f1=float(f), support=int(s))
        for genre, p, r, f, s in zip(classes, *columns, strict=True)
    ]


def _f1(confusion: Confusion) -> NDArray[np.float64]:
    """2TP / (2TP + FP + FN) of each class: (C,)."""
    return _ratio(2 * np.diagonal(confusion), confusion.sum(axis=0) + confusion.sum(axis=1))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
