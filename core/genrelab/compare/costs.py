"""What candidates cost, and which of them are worth it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds (M)",
    "training_seconds": "training s",
    "clips_per_second": "clips/s",
    "peak_memory": "memory (MiB)",
}
"""Trainable parameters; multiply-adds of a clip's forward pass; seconds of training; clips that are predicted in a
second; the most memory that a training has taken, in bytes."""
_SCALES = {"multiply_adds": 1e6, "peak_memory": float(2**20)}
_MORE_IS_BETTER = ("clips_per_second",)
_EXACT = ("parameters", "multiply_adds")  # the same in all runs of a candidate


def read_costs(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the costs of a candidate: means over the results of its runs, without those that a run lacks."""
    timed = [{**r, "training_seconds": r["epochs"] * r["epoch_seconds"]} for r in results]
    return {
        cost: timed[0][cost] if cost in _EXACT else mean(r[cost] for r in timed)
        for cost in COSTS
        if all(cost in r for r in timed)
    }


def shown_cost(cost: str, value: float) -> float:
    """Return a cost in the unit that `COSTS` names."""
    return value / _SCALES.get(cost, 1.0)


def cost_text(cost: str, value: float) -> str:
    """Return a cost as people read it: whole where it is large."""
    shown = shown_cost(cost, value)
    return f"{shown:,.0f}" if cost == "parameters" or shown >= 100 else f"{shown:.3g}"


def pareto(candidates: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return for each cost that all candidates know those on the Pareto front.

    A candidate is on it if none is better in F1-macro or the cost without being worse in the other.

    Args:
        candidates: name -> its scores, as `genrelab.compare.comparison.compare` gives them, and its costs.
    """
    return {cost: _front(candidates, cost) for cost in COSTS if all(cost in c for c in candidates.values())}


def _front(candidates: Mapping[str, Any], cost: str) -> list[str]:
    sign = -1 if cost in _MORE_IS_BETTER else 1
    points = {n: (-c["scores"]["f1_macro"]["mean"], sign * c[cost]) for n, c in candidates.items()}

    def beaten(point: tuple[float, float]) -> bool:
        return any(p != point and p[0] <= point[0] and p[1] <= point[1] for p in points.values())

    return [name for name, point in points.items() if not beaten(point)]
