"""What a search is told of a training's result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from genrelab.config.search import COSTS
from genrelab.study.search.plan import Outcome, Plan


def outcome_of(result: Mapping[str, Any], plan: Plan) -> Outcome:
    """Return what a result says to a search; one without a finite number for everything watched has failed."""
    seconds: float = result.get("seconds", 0.0)
    if result["status"] not in ("completed", "stopped"):
        return Outcome("failed", seconds=seconds)
    values = {name: value_of(result, name, plan.search.at) for name in plan.watched}
    if not all(map(math.isfinite, values.values())):
        return Outcome("failed", seconds=seconds)
    return Outcome(result["status"], values, result["epochs"] / result["epochs_at_most"], seconds)


def value_of(result: Mapping[str, Any], name: str, at: str) -> float:
    """Return a cost, or a validation metric at the epoch whose weights are kept (``best``) or at the last."""
    if name in COSTS:
        return float(result[name])
    found: float = (result["metrics"]["validation"] if at == "best" else result["last"])[name]
    return found
