"""Tests of pairs of candidates on one test set, and of all of them over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, TypedDict

import numpy as np
from scipy import stats

from genrelab.compare.metrics import COUNTED, Floats, Indices, Tallies, counted
from genrelab.compare.resample import BLOCK

TESTED = ("f1_macro", "accuracy")
"""Scores that are tested; the first decides the verdict."""
ALPHA, POWER = 0.05, 0.8
LEAST_SEEDS = 5
"""With fewer blocks the Friedman test says next to nothing."""


class McNemar(TypedDict):
    """Test tracks that one candidate gets right and the other wrong."""

    only_a: int
    only_b: int
    p: float


class Friedman(TypedDict):
    """Whether the ranks of candidates differ from block to block (seed, split) by more than chance."""

    blocks: int
    statistic: float
    p: float
    ranks: list[float]
    """Mean rank of each candidate; 1 is the best."""
    critical_difference: float
    """Mean ranks further apart than this differ at 5 % (Nemenyi)."""


def permutation_test(a: Tallies, b: Tallies, luck: Floats, wider: Floats, seed: Sequence[int]) -> Floats:
    """Test whether two candidates score alike, by swapping their predictions for whole artists.

    Tracks of an artist are not independent, nor are runs of one candidate, which err on the same tracks: so all
    predictions for an artist, of all runs, are swapped together (Dror et al., The Hitchhiker's Guide to Testing
    Statistical Significance in NLP, ACL 2018, on the choice of units). That asks whether these networks differ. For
    a statement on candidates, each permutation gets a draw of what other seeds might have added (Bouthillier et
    al., MLSys 2021).

    Args:
        a: one candidate.
        b: the other; where it has another number of runs, the first of the longer one take part.
        luck: (B, 2) draws of luck in the difference of the `TESTED` scores, one for each permutation.
        wider: (2,) by how much few seeds widen what chance makes of them.
        seed: of the swaps.

    Returns:
        Two-sided p-values of the `TESTED` scores: (2,).
    """
    runs = min(len(a.sums), len(b.sums))
    moves, support = b.sums[:runs] - a.sums[:runs], a.support.sum(axis=0)
    chosen = [COUNTED.index(name) for name in TESTED]
    totals = a.sums[:runs].sum(axis=1)[:, None], b.sums[:runs].sum(axis=1)[:, None]

    def difference(moved: Floats) -> Floats:
        apart = counted(totals[0] + moved, support) - counted(totals[1] - moved, support)
        mean: Floats = apart[..., chosen].mean(axis=0)
        return mean

    observed = np.abs(difference(np.zeros(1)))
    rng, extreme = np.random.default_rng(seed), np.zeros(len(TESTED))
    for i in range(0, len(luck), BLOCK):
        swaps = rng.integers(2, size=(len(luck[i : i + BLOCK]), a.clusters)).astype(float)
        null = (difference(swaps @ moves) + luck[i : i + BLOCK]) * wider
        extreme += (np.abs(null) >= observed - 1e-12).sum(axis=0)  # a tie is a tie, however it is rounded
    p: Floats = (1 + extreme) / (1 + len(luck))
    return p


def mcnemar(a: Floats, b: Floats, true: Indices) -> McNemar:
    """Exact McNemar test of two candidates, each the mean of its runs' probabilities.

    It takes tracks as independent and judges the runs together as one ensemble. It is given because readers look
    for it; verdicts rest on `permutation_test`.

    Args:
        a: (S, tracks, C) probabilities of one candidate.
        b: those of the other.
        true: (tracks,) genre indices.
    """
    right_a, right_b = (p.mean(axis=0).argmax(axis=1) == true for p in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a=only_a, only_b=only_b, p=p)


def holm(p: Floats) -> Floats:
    """Correct p-values (n,) for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return corrected


def detectable(width: float) -> float:
    """Return the difference that a test at 5 % finds with 80 % power, given the width of its 95 % interval."""
    half = float(stats.norm.ppf(1 - ALPHA / 2))
    return width / 2 * (1 + float(stats.norm.ppf(POWER)) / half)


def friedman(scores: Floats, least: int = LEAST_SEEDS) -> Friedman | None:
    """Friedman test with Nemenyi's critical difference (Demšar, JMLR 7, 2006).

    Where the blocks are seeds, they share a split and a test set: it speaks of the luck of training alone.

    Args:
        scores: (candidates, blocks), more is better.
        least: blocks that there must be.

    Returns:
        None where there are fewer than 3 candidates or too few blocks, or nothing differs.
    """
    candidates, blocks = scores.shape
    if candidates < 3 or blocks < least or np.all(scores == scores[0]):
        return None
    statistic, p = stats.friedmanchisquare(*scores)
    q = float(stats.studentized_range.ppf(1 - ALPHA, candidates, np.inf)) / sqrt(2)
    return Friedman(
        blocks=blocks,
        statistic=float(statistic),
        p=float(p),
        ranks=stats.rankdata(-scores, axis=0).mean(axis=1).tolist(),
        critical_difference=q * sqrt(candidates * (candidates + 1) / (6 * blocks)),
    )


def correct(pairs: Sequence[dict[str, Any]]) -> None:
    """Put Holm's correction over all pairs, each tested score by itself, beside the p of every pair."""
    for name in TESTED:
        corrected = holm(np.array([pair["scores"][name]["p"] for pair in pairs]))
        for pair, p in zip(pairs, corrected, strict=True):
            pair["scores"][name]["p_holm"] = float(p)
