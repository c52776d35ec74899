"""What a search has found out, as plain values: every trial, and what a surrogate model makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrelab.config.search import maximize
from genrelab.files import recall_json, write_json
from genrelab.study.finalists import pareto_front
from genrelab.study.search.ax.surrogate import MODELLED, Surrogate
from genrelab.study.search.plan import Outcome

if TYPE_CHECKING:
    from genrelab.study.trials import Trials

_LEAST = 4  # completed trials for a model of them


def write_analysis(file: Path, trials: Trials) -> None:
    """Write ``analysis.json`` for a search that has ended; what is there stays if it is of the same trials.

    It holds `trials` (number, status, settings, values, best_so_far), `metric`, `maximize`, `pareto` (numbers of
    the trials on the front of several objectives) and, of a Gaussian process fitted to the completed trials,
    `importance`, `slices`, `contours` and `cross_validation`; in `notes` what of it could not be found out.
    """
    told = _trials(trials)
    if (recall_json(file) or {}).get("trials") == told:
        return
    plan = trials.plan
    found: dict[str, Any] = {
        "metric": plan.search.metric,
        "maximize": maximize(plan.search.metric),
        "trials": told,
        "pareto": _pareto(trials) if len(plan.search.objectives) > 1 else [],
    }
    completed = sum(outcome.status == "completed" for outcome in trials.outcomes)
    varied = len({tuple(sorted(s.items())) for s in trials.proposals})
    if min(completed, varied) < _LEAST:
        found |= {part: empty() for part, empty in MODELLED.items()}
        found["notes"] = [f"{completed} completed trials are too few for a model of them"]
    else:
        found |= Surrogate(plan, trials.proposals, trials.outcomes).describe()
    write_json(file, found)


def _trials(trials: Trials) -> list[dict[str, Any]]:
    metric = trials.plan.search.metric
    better, worst = (max, -math.inf) if maximize(metric) else (min, math.inf)
    best = accumulate((_reached(o, metric, worst) for o in trials.outcomes), better)
    return [
        {
            "number": number,
            "status": outcome.status,
            "settings": dict(settings),
            "values": dict(outcome.values),
            "best_so_far": so_far if math.isfinite(so_far) else None,
        }
        for number, (settings, outcome, so_far) in enumerate(
            zip(trials.proposals, trials.outcomes, best, strict=False)
        )
    ]


def _reached(outcome: Outcome, metric: str, worst: float) -> float:
    return outcome.values[metric] if outcome.status == "completed" else worst


def _pareto(trials: Trials) -> Sequence[int]:
    completed = [i for i, outcome in enumerate(trials.outcomes) if outcome.status == "completed"]
    front = pareto_front(trials.plan, [trials.outcomes[i] for i in completed])
    return [completed[i] for i in sorted(front)]
