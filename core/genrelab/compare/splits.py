"""Compare candidates over several splits: intervals and tests hold the variance of the split.

What is drawn by lot here is the whole split: who is learnt from, who is tested, with which seeds. Scores of two
splits are not independent, since their training sets overlap, so that the variance of their mean is larger than
that of as many independent ones. Nadeau & Bengio (Inference for the Generalization Error, Machine Learning 52,
2003) correct for it: with J splits, the variance between them counts not by 1/J but by 1/J + (test tracks /
training tracks). Intervals and tests are those of Student's t with J - 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np
from scipy import stats

from genrelab import __version__
from genrelab.compare.comparison import calibrate
from genrelab.compare.costs import COSTS, pareto
from genrelab.compare.metrics import METRICS, PER_GENRE, Floats, Tallies
from genrelab.compare.paired import ALPHA, POWER, TESTED, correct, detectable, friedman
from genrelab.compare.read_splits import Splits
from genrelab.compare.resample import CONFIDENCE
from genrelab.compare.words import pair_sentence, verdict

_FEW = 5  # splits; with fewer, intervals are wide
METHODS = {
    "interval": "Student's t over splits, variance corrected for overlapping training sets (Nadeau & Bengio 2003)",
    "pairs": "corrected resampled t-test over splits, two-sided",
    "correction": "Holm over all pairs, each score by itself",
    "friedman": "Friedman with Nemenyi's critical difference, splits as blocks, on F1-macro",
    "calibration": "expected calibration error, 15 bins of equal width, mean over splits and seeds",
    "absent genres": "F1 of a genre without test tracks in a split is 0 and counts in that split's macro mean",
}


def compare_splits(splits: Splits) -> dict[str, Any]:
    """Compare candidates over splits; gives what `compare` gives for one test set, as far as it applies."""
    names = [finals[0].name for finals in splits.finals]
    scores = [_scores(splits, i) for i in range(len(names))]
    candidates = {n: _candidate(splits, i, scores[i]) for i, n in enumerate(names)}
    pairs: list[dict[str, Any]] = [
        {"a": names[i], "b": names[j], "scores": _pair(scores[i] - scores[j], splits.share)}
        for i, j in combinations(range(len(names)), 2)
    ]
    correct(pairs)
    for pair in pairs:
        pair["sentence"] = pair_sentence(pair)
    ranked = friedman(np.stack(scores)[:, :, METRICS.index("f1_macro")], least=len(splits.tests))
    return {
        "genrelab": __version__,
        "splits": len(splits.tests),
        "confidence": CONFIDENCE,
        "alpha": ALPHA,
        "power": POWER,
        "methods": METHODS,
        "test_set": _tested(splits),
        "notes": [*splits.notes, *_rough(splits)],
        "candidates": candidates,
        "pairs": pairs,
        "detectable": {n: max(p["scores"][n]["detectable"] for p in pairs) for n in TESTED} if pairs else {},
        "friedman": ranked and {**ranked, "ranks": dict(zip(names, ranked["ranks"], strict=True))},
        "pareto": pareto(candidates),
        "verdict": verdict(candidates, pairs),
    }


def corrected_interval(values: Floats, share: float) -> tuple[Floats, Floats, Floats]:
    """Return mean, lower and upper end of the 95 % intervals of scores over splits.

    Args:
        values: (splits, M), a score of one split each.
        share: test tracks for each training track.
    """
    mean, error = values.mean(axis=0), _error(values, share)
    half = error * stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return mean, mean - half, mean + half


def corrected_test(differences: Floats, share: float) -> float:
    """Return the two-sided p-value of differences (splits,); the other argument is that of `corrected_interval`."""
    mean, error = float(differences.mean()), float(_error(differences, share))
    if error == 0:
        return float(mean == 0)
    return float(2 * stats.t.sf(abs(mean) / error, len(differences) - 1))


def _error(values: Floats, share: float) -> Floats:
    error: Floats = np.sqrt((1 / len(values) + share) * values.var(axis=0, ddof=1))
    return error


def _scores(splits: Splits, candidate: int) -> Floats:
    """Return the scores of a candidate in each split, means over seeds: (splits, 8 + 3C), as `Tallies.scores`."""
    found = zip(splits.finals[candidate], splits.tests, strict=True)
    return np.stack([Tallies.of(f.probabilities, t.true, t.clusters).scores()[:, 0].mean(axis=0) for f, t in found])


def _candidate(splits: Splits, candidate: int, scores: Floats) -> dict[str, Any]:
    finals, classes = splits.finals[candidate], splits.tests[0].classes
    mean, low, high = corrected_interval(scores, splits.share)
    most = np.where(np.arange(len(mean)) == METRICS.index("log_loss"), np.inf, 1.0)
    values = [
        {"mean": float(m), "low": float(a), "high": float(b)}
        for m, a, b in zip(mean, np.clip(low, 0, most), np.clip(high, 0, most), strict=True)
    ]
    genres = dict(zip([(s, g) for s in PER_GENRE for g in classes], values[len(METRICS) :], strict=True))
    calibrations = [calibrate(f, t) for f, t in zip(finals, splits.tests, strict=True)]
    return {
        "seeds": list(finals[0].seeds),
        "scores": {m: {**values[i], "runs": scores[:, i].tolist()} for i, m in enumerate(METRICS)},
        "genres": {g: {s: genres[s, g] for s in PER_GENRE} for g in classes},
        "calibration": _merged(calibrations),
        **{
            cost: float(np.mean([f.costs[cost] for f in finals]))
            for cost in COSTS
            if all(cost in f.costs for f in finals)
        },
    }


def _merged(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return calibrations of several splits as one: errors are means, the rest is of all runs."""
    keys = [key for key in parts[0] if all(key in part for part in parts)]
    values = {key: [part[key] for part in parts] for key in keys}
    return {k: list(chain(*v)) if isinstance(v[0], list) else float(np.mean(v)) for k, v in values.items()}


def _pair(differences: Floats, share: float) -> dict[str, Any]:
    mean, low, high = corrected_interval(differences, share)
    scores: dict[str, Any] = {
        name: {"difference": float(mean[i]), "low": float(low[i]), "high": float(high[i])}
        for i, name in enumerate(METRICS)
    }
    for name in TESTED:
        i = METRICS.index(name)
        p = corrected_test(differences[:, i], share)
        scores[name] |= {"p": p, "detectable": detectable(float(high[i] - low[i]))}
    return scores


def _tested(splits: Splits) -> dict[str, Any]:
    """Count the tracks that are tested in any of the splits."""
    rows = {row[0]: row for test in splits.tests for row in test.content}
    genres = [genre for _, genre, _, _ in rows.values()]
    clusters = {artist or track for track, _, artist, _ in rows.values()}
    counts = {genre: genres.count(genre) for genre in splits.tests[0].classes}
    return {"tracks": len(rows), "clusters": len(clusters), "genres": counts}


def _rough(splits: Splits) -> Sequence[str]:
    notes = []
    if len(splits.tests) < _FEW:
        notes.append(f"only {len(splits.tests)} splits: intervals are wide")
    classes = splits.tests[0].classes
    absent = [g for i, g in enumerate(classes) if any((t.true != i).all() for t in splits.tests)]
    if absent:
        notes.append(f"some splits test no track of {', '.join(absent)}: there it counts as F1 = 0")
    return notes
