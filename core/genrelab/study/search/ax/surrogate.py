"""A model of what has been tried: a Gaussian process fitted by Ax, and what it says of the parameters."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from genrelab.config.search import Settings, maximize
from genrelab.config.space import Parameter
from genrelab.params import Scalar
from genrelab.quiet import quiet
from genrelab.study.search.ax.ask import new_client, seed_everything, tell
from genrelab.study.search.plan import Outcome, Plan
from genrelab.training.seeds import derive

MODELLED: Mapping[str, Callable[[], Any]] = {
    "importance": lambda: None,
    "slices": dict,
    "contours": list,
    "cross_validation": list,
}
"""Parts of an analysis that come from the model, and what each is without one."""
_POINTS = 25  # along a range
_GRID = 12
_PAIRS = 3  # contours of the most important ones
_FOLDS = 10
_AT_ONCE = 2**11  # predictions; their covariance is in memory
_ROUNDS = 8


class Surrogate:
    """A Gaussian process of the search's metric over its parameters.

    Args:
        plan: what decides the search.
        proposals: of every trial.
        outcomes: of every trial.
    """

    def __init__(self, plan: Plan, proposals: Sequence[Settings], outcomes: Sequence[Outcome]) -> None:
        self._plan, self._metric = plan, plan.search.metric
        self._proposals, self._outcomes = proposals, outcomes
        self._searched = [p for p in plan.space if p.is_range or len(p.values) > 1]
        self._adapter: Any = None

    def describe(self) -> dict[str, Any]:
        """Return every part of an analysis that comes from the model.

        `importance`: share of each parameter in the variance of the prediction (total Sobol indices, scaled to sum
        1; Sobol 2001); `slices`: prediction along each parameter, the others as in the best trial; `contours`: over
        pairs of the most important ones; `cross_validation`: each trial predicted without having been seen.
        """
        found: dict[str, Any] = {part: empty() for part, empty in MODELLED.items()} | {"notes": []}
        with quiet(logging.INFO):
            seed_everything(derive(self._plan.seed, "analysis"))
            try:
                self._adapter = self._fit()
            except Exception as error:  # whatever a numerical library raises; the results do not depend on it
                return found | {"notes": [f"no model could be fitted: {type(error).__name__}: {error}"]}
            for part in MODELLED:
                try:
                    found[part] = getattr(self, f"_{part}")(found)
                except Exception as error:
                    found["notes"].append(f"no {part.replace('_', ' ')}: {type(error).__name__}: {error}")
        return found

    def _fit(self) -> Any:
        from ax.adapter.registry import Generators

        client = new_client(self._plan)
        tell(client, self._plan, self._proposals, self._outcomes)
        experiment = client._experiment
        return Generators.BOTORCH_MODULAR(experiment=experiment, data=experiment.lookup_data())

    def _importance(self, _: Mapping[str, Any]) -> dict[str, float]:
        from ax.utils.sensitivity.sobol_measures import ax_parameter_sens

        draws = _AT_ONCE // (2 + sum(1 if p.ordered or p.is_range else len(p.values) for p in self._searched))
        options: Any = {"metrics": [self._metric], "order": "total", "signed": False, "num_mc_samples": draws}
        rounds: list[Mapping[Any, Any]] = []
        while len(rounds) < _ROUNDS:
            rounds.append(ax_parameter_sens(self._adapter, **options)[self._metric])
            gc.collect()  # the model refers to itself, and so keeps the covariance of each round
        # One index for each value of an unordered choice.
        shares = {p.name: float(np.mean([sum(_own(r, p.name)) for r in rounds])) for p in self._searched}
        total = sum(shares.values())
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        return {name: share / total for name, share in ordered} if total else dict(ordered)

    def _slices(self, _: Mapping[str, Any]) -> dict[str, Any]:
        best = self._best()
        found = {}
        for parameter in self._searched:
            if parameter.name in best:
                values = _along(parameter, _POINTS)
                mean, sem = self._predict([{**best, parameter.name: v} for v in values])
                found[parameter.name] = {"x": values, "mean": mean, "sem": sem}
        return found

    def _contours(self, found: Mapping[str, Any]) -> list[dict[str, Any]]:
        best, order = self._best(), list(found["importance"] or ())
        numbers = [p for p in self._searched if p.name in best and p.type in (int, float)]
        numbers.sort(key=lambda p: order.index(p.name) if p.name in order else len(order))
        return [self._contour(best, a, b) for a, b in list(combinations(numbers, 2))[:_PAIRS]]

    def _contour(self, best: Settings, a: Parameter, b: Parameter) -> dict[str, Any]:
        xs, ys = _along(a, _GRID), _along(b, _GRID)
        mean, _ = self._predict([{**best, a.name: x, b.name: y} for y in ys for x in xs])
        return {"x": a.name, "y": b.name, "xs": xs, "ys": ys, "mean": np.reshape(mean, (len(ys), len(xs))).tolist()}

    def _cross_validation(self, _: Mapping[str, Any]) -> list[dict[str, Any]]:
        from ax.adapter.cross_validation import cross_validate

        completed = sum(outcome.status == "completed" for outcome in self._outcomes)
        results = cross_validate(self._adapter, folds=min(_FOLDS, completed))
        found = []
        for result in results:
            observed, predicted = result.observed, result.predicted
            number = int(str(observed.arm_name).split("_")[0]) - len(self._plan.warm)
            i = observed.data.metric_signatures.index(self._metric)
            j = predicted.metric_signatures.index(self._metric)
            values = {
                "observed": float(observed.data.means[i]),
                "predicted": float(predicted.means[j]),
                "sem": float(np.sqrt(max(predicted.covariance[j, j], 0.0))),
            }
            if number >= 0:  # not one of an earlier run
                found.append({"trial": number, **values})
        return sorted(found, key=lambda row: row["trial"])

    def _best(self) -> Settings:
        """Return the settings of the best completed trial."""
        pick = max if maximize(self._metric) else min
        tried = zip(self._outcomes, self._proposals, strict=True)
        completed = [(o.values[self._metric], dict(s)) for o, s in tried if o.status == "completed"]
        return pick(completed, key=lambda pair: pair[0])[1]

    def _predict(self, settings: Sequence[Settings]) -> tuple[list[float], list[float]]:
        """Return the mean and the standard deviation of the metric for each of some settings."""
        from ax.core.observation import ObservationFeatures

        means, covariances = self._adapter.predict([ObservationFeatures(parameters=dict(s)) for s in settings])
        variances = np.maximum(covariances[self._metric][self._metric], 0.0)
        return [float(m) for m in means[self._metric]], np.sqrt(variances).tolist()


def _along(parameter: Parameter, points: int) -> list[Scalar]:
    """Return values along a parameter: all choices, or points spread over a range."""
    if not parameter.is_range:
        return list(parameter.values)
    low, high = (float(v) for v in parameter.values)
    values = np.geomspace(low, high, points) if parameter.log else np.linspace(low, high, points)
    values = np.clip(values, low, high)
    return list(dict.fromkeys(round(v) for v in values)) if parameter.type is int else values.tolist()


def _own(indices: Mapping[Any, Any], name: str) -> list[float]:
    return [float(np.ravel(v)[0]) for k, v in indices.items() if isinstance(k, str) and _is_of(k, name)]


def _is_of(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}_OH_PARAM_")
