"""When a trial is hopeless: the worst value that lets it go on after each epoch, from the curves of earlier trials.

The bounds are decided when a trial is handed out, from trials that the search knows by then, and go into its job.
So whether a trial ends early depends on no clock, no order and no kill.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import accumulate

import attrs

from genrelab.config.search import Stopping, maximize

Bounds = tuple[float | None, ...]
"""For each epoch the worst best-so-far value that goes on, None where all do."""


@attrs.frozen
class Curve:
    """What a trial has come to."""

    values: Sequence[float]
    """Of the search's metric, one an epoch."""
    to_the_end: bool
    """Whether it went on to its own end, not to that of a rule."""


def bounds(stopping: Stopping, metric: str, curves: Iterable[Curve], epochs: int) -> Bounds:
    """Return the bounds for a trial of so many epochs.

    Args:
        stopping: the rule.
        metric: the search's.
        curves: of the trials that are known, failed ones left out.
        epochs: that it may have.

    Sources:
        percentile: the median stopping rule of Golovin et al., Google Vizier, KDD 2017, with best values so far;
        asha: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, in its stopping form.
    """
    sign = 1 if maximize(metric) else -1
    known = [(_best_so_far([sign * v for v in c.values], c, epochs), c.to_the_end) for c in curves]
    rule = {"percentile": _percentile, "asha": _asha}[stopping.rule]
    found = []
    for epoch in range(1, epochs + 1):
        bound = rule(stopping, epoch, [(best[epoch - 1], ended) for best, ended in known if len(best) >= epoch])
        found.append(None if bound is None else sign * bound)
    return tuple(found)


def _best_so_far(values: Sequence[float], curve: Curve, epochs: int) -> list[float]:
    """Return the best value up to each epoch; a trial that went to its own end stays at its best."""
    best = list(accumulate(values, max))
    return best + [best[-1]] * (epochs - len(best)) if curve.to_the_end and best else best


def _percentile(stopping: Stopping, epoch: int, reached: Sequence[tuple[float, bool]]) -> float | None:
    """Of the trials that came to an epoch, this one among them, those below the percentile end."""
    if epoch < stopping.min_epochs or sum(ended for _, ended in reached) < stopping.min_trials:
        return None
    worse = math.ceil(len(reached) * stopping.percentile / 100)
    return sorted(value for value, _ in reached)[worse - 1]


def _asha(stopping: Stopping, epoch: int, reached: Sequence[tuple[float, bool]]) -> float | None:
    """Of the trials that came to a rung, this one among them, one of `reduction` goes on, but at least one."""
    rung = stopping.min_epochs
    while rung < epoch:
        rung *= stopping.reduction
    go_on = (len(reached) + 1) // stopping.reduction
    if rung != epoch or not go_on:
        return None
    return sorted((value for value, _ in reached), reverse=True)[go_on - 1]
