"""The whole comparison as plain values: what comparison.json holds."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from genrelab import __version__
from genrelab.compare.calibration import expected_calibration_error, fit_temperature, reliability, with_temperature
from genrelab.compare.costs import pareto
from genrelab.compare.metrics import METRICS, PER_GENRE, Tallies
from genrelab.compare.paired import ALPHA, POWER, TESTED, correct, detectable, friedman, mcnemar, permutation_test
from genrelab.compare.read import Finals, Runs, TestSet
from genrelab.compare.resample import CONFIDENCE, Resampled, difference, interval, resample, widening
from genrelab.compare.words import listed, pair_sentence, verdict

_TESTED = [METRICS.index(name) for name in TESTED]
_FEW = 30  # clusters; with fewer, intervals are simulated to cover less than they say
_FEW_SEEDS = 3  # with two, tests are simulated to reject 7 to 8 % of equal candidates
METHODS = {
    "interval": "bootstrap of artists, the same for all candidates, less its bias; luck of seeds; Student's t",
    "pairs": "permutation test that swaps all predictions for an artist, with the luck of seeds; two-sided",
    "correction": "Holm over all pairs, each score by itself",
    "mcnemar": "exact, on the mean probabilities of all runs; takes tracks as independent",
    "friedman": "Friedman with Nemenyi's critical difference, seeds as blocks, on F1-macro",
    "calibration": "expected calibration error, 15 bins of equal width; temperature fitted on validation",
    "absent genres": "F1 of a genre without tracks is 0 and counts in the macro mean",
}


def compare(runs: Runs, *, resamples: int, seed: int) -> dict[str, Any]:
    """Compare candidates on their common test set.

    Args:
        runs: what they made of it.
        resamples: of the bootstrap, and permutations of each pair.
        seed: the same seed gives the same numbers.

    Returns:
        Plain values, scores as fractions: settings, notes, `candidates` by name, `pairs`, `friedman`,
        `pareto` (by cost, the candidates that none beats in both F1-macro and the cost), `detectable`, `verdict`.
    """
    test, finals = runs.test, runs.finals
    tallies = [Tallies.of(f.probabilities, test.true, test.clusters) for f in finals]
    found = resample(tallies, [f.name for f in finals], resamples, seed)
    candidates = {f.name: _candidate(f, r, test) for f, r in zip(finals, found, strict=True)}
    pairs = [
        _pair(*two, test, seed)
        for two in combinations([*zip(finals, tallies, found, strict=True)], 2)
    ]  # fmt: skip
    correct(pairs)
    for pair in pairs:
        pair["sentence"] = pair_sentence(pair)
    return {
        "genrelab": __version__,
        "seed": seed,
        "resamples": resamples,
        "confidence": CONFIDENCE,
        "alpha": ALPHA,
        "power": POWER,
        "methods": METHODS,
        "test_set": {
            "tracks": len(test.true),
            "clusters": tallies[0].clusters,
            "genres": dict(zip(test.classes, tallies[0].support.sum(axis=0).astype(int).tolist(), strict=True)),
        },
        "notes": [*runs.notes, *_rough(finals, tallies[0].clusters)],
        "candidates": candidates,
        "pairs": pairs,
        "detectable": {n: max(p["scores"][n]["detectable"] for p in pairs) for n in TESTED} if pairs else {},
        "friedman": _friedman(finals, found),
        "pareto": pareto(candidates),
        "verdict": verdict(candidates, pairs),
    }


def _candidate(finals: Finals, found: Resampled, test: TestSet) -> dict[str, Any]:
    mean = found.mean
    ends = np.clip(interval(found), 0, np.where(np.arange(len(mean)) == METRICS.index("log_loss"), np.inf, 1))
    values = [{"mean": float(m), "low": float(a), "high": float(b)} for m, a, b in zip(mean, *ends, strict=True)]
    columns = [(score, genre) for score in PER_GENRE for genre in test.classes]
    scores = dict(zip(METRICS, values, strict=False))
    genres = dict(zip(columns, values[len(METRICS) :], strict=True))
    return {
        "seeds": list(finals.seeds),
        "scores": {m: {**scores[m], "runs": found.runs[:, i].tolist()} for i, m in enumerate(METRICS)},
        "genres": {g: {score: genres[score, g] for score in PER_GENRE} for g in test.classes},
        "calibration": calibrate(finals, test),
        **finals.costs,
    }


def calibrate(finals: Finals, test: TestSet) -> dict[str, Any]:
    """Return calibration errors and reliability diagrams, with a temperature where one can be fitted."""
    diagrams = [reliability(p, test.true) for p in finals.probabilities]
    errors = [expected_calibration_error(d) for d in diagrams]
    found = {"error": float(np.mean(errors)), "runs": errors, "reliability": diagrams}
    if len(finals.validation) == len(finals.seeds):
        temperatures = [fit_temperature(*kept) for kept in finals.validation]
        after = [with_temperature(p, t) for p, t in zip(finals.probabilities, temperatures, strict=True)]
        errors = [expected_calibration_error(reliability(p, test.true)) for p in after]
        found |= {"temperatures": temperatures, "error_with_temperature": float(np.mean(errors))}
    return found


def _pair(
    one: tuple[Finals, Tallies, Resampled], other: tuple[Finals, Tallies, Resampled], test: TestSet, seed: int
) -> dict[str, Any]:
    (a, tallies_a, found_a), (b, tallies_b, found_b) = one, other
    middle, ends = difference(found_a, found_b)
    scores: dict[str, Any] = {
        name: {"difference": float(middle[i]), "low": float(ends[0, i]), "high": float(ends[1, i])}
        for i, name in enumerate(METRICS)
    }
    wider = widening(found_a.artists - found_b.artists, found_a, found_b)
    luck = (found_a.luck - found_b.luck)[:, _TESTED]
    named = [seed, 2, *f"{a.name}\n{b.name}".encode()]
    p = permutation_test(tallies_a, tallies_b, luck, wider[_TESTED], named)
    for i, name, p_value in zip(_TESTED, TESTED, p, strict=True):
        scores[name] |= {"p": float(p_value), "detectable": detectable(float(ends[1, i] - ends[0, i]))}
    return {
        "a": a.name,
        "b": b.name,
        "scores": scores,
        "mcnemar": dict(mcnemar(a.probabilities, b.probabilities, test.true)),
    }


def _friedman(finals: tuple[Finals, ...], found: list[Resampled]) -> dict[str, Any] | None:
    """Test over the seeds that all candidates have."""
    seeds = sorted(set.intersection(*[set(f.seeds) for f in finals]))
    column = METRICS.index("f1_macro")
    rows = [[r.runs[f.seeds.index(s), column] for s in seeds] for f, r in zip(finals, found, strict=True)]
    tested = friedman(np.array(rows))
    return tested and {**tested, "ranks": dict(zip([f.name for f in finals], tested["ranks"], strict=True))}


def _rough(finals: tuple[Finals, ...], clusters: int) -> list[str]:
    """Say where the statistics have little to go by."""
    notes = []
    if few := [f.name for f in finals if len(f.seeds) < _FEW_SEEDS]:
        notes.append(f"{listed(few)}: fewer than {_FEW_SEEDS} seeds, so the luck of training is hardly known")
    if clusters < _FEW:
        notes.append(f"the test set has only {clusters} artists: intervals are rough")
    return notes
