"""Which settings of a search are trained again, and which of them is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from genrelab.config.search import Settings, maximize
from genrelab.study.search.plan import Outcome, Plan, key


def ranked(plan: Plan, proposals: Sequence[Settings], outcomes: Sequence[Outcome]) -> list[Settings]:
    """Return the settings that completed within the limits, the best by the search first, no two alike.

    What is known from earlier runs counts as well. Where there are several objectives, those on the Pareto front
    come before the others.
    """
    warm = [(settings, Outcome("completed", values)) for settings, values in plan.warm]
    tried = [*zip(proposals, outcomes, strict=False), *warm]
    fit = [(s, o) for s, o in tried if o.status == "completed" and plan.is_within_limits(o)]
    front = pareto_front(plan, [o for _, o in fit])
    order = sorted(range(len(fit)), key=lambda i: (i not in front, -_signed(fit[i][1], plan.search.metric)))
    return list({key(fit[i][0]): fit[i][0] for i in order}.values())


def pareto_front(plan: Plan, outcomes: Sequence[Outcome]) -> set[int]:
    """Return the outcomes than which none is better in one objective and no worse in all others."""
    points = [tuple(_signed(o, name) for name in plan.search.objectives) for o in outcomes]

    def beaten(point: tuple[float, ...]) -> bool:
        return any(p != point and all(a >= b for a, b in zip(p, point, strict=True)) for p in points)

    return {i for i, point in enumerate(points) if not beaten(point)}


def best_of(plan: Plan, trained: Sequence[Sequence[Outcome]]) -> int | None:
    """Choose among finalists by the mean of the search's metric over seeds; None where none has a result.

    A finalist of which a training failed comes after all that have more results.

    Args:
        plan: of the search.
        trained: for each finalist, the best by the search first, the outcome with each seed.
    """
    metric = plan.search.metric
    reached = [[_signed(o, metric) for o in outcomes if o.status == "completed"] for outcomes in trained]
    scored = [(len(values), mean(values), -rank) for rank, values in enumerate(reached) if values]
    return -max(scored)[2] if scored else None


def _signed(outcome: Outcome, name: str) -> float:
    """Return a value turned so that more is better."""
    return outcome.values[name] if maximize(name) else -outcome.values[name]
