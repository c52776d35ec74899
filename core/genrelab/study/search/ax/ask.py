"""Proposals from Ax.

Ax is loaded from its snapshot before every ask and seeded by the number of trials: its live model is warm-started
and would propose differently after a restart. A failed trial is abandoned, never marked failed: Ax forgets failed
trials and proposes the same settings for ever.
"""

from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genrelab.config.constraints import Inequality
from genrelab.config.search import Settings, maximize
from genrelab.config.space import Parameter
from genrelab.params import Scalar
from genrelab.quiet import quiet
from genrelab.study.search.plan import Outcome, Plan
from genrelab.training.seeds import derive

_TYPES = {int: "int", float: "float", str: "str", bool: "bool"}
_PERCENT = 100


def propose_ax(
    plan: Plan, state: Mapping[str, Any], proposals: Sequence[Settings], outcomes: Sequence[Outcome]
) -> tuple[Settings | None, dict[str, Any]]:
    """Ask Ax for the next settings.

    Args:
        plan: what decides the search.
        state: what the last ask returned, {} before the first.
        proposals: of every trial so far, from Ax or not.
        outcomes: of the first trials, those that Ax is to know.

    Returns:
        The settings, None where the space is exhausted, and the state for the next ask.
    """
    with quiet(logging.INFO):  # at import Ax sets the level of its loggers to INFO
        client = _load(state["snapshot"]) if state else new_client(plan)
        tell(client, plan, proposals, outcomes, asked=state.get("asked", 0), told=state.get("told", 0))
        seed_everything(derive(plan.seed, "ask", len(proposals)))
        settings = _ask(client)
        asked = len(proposals) + (settings is not None)
        return settings, {"snapshot": _dump(client), "asked": asked, "told": len(outcomes)}


def new_client(plan: Plan) -> Any:
    """Return an Ax client that knows the space, the objectives and the trials of earlier runs."""
    client = _client_class()()
    client.configure_experiment(
        name="search",
        parameters=[_parameter(p, plan.space) for p in plan.space],
        parameter_constraints=[text for i in plan.inequalities if (text := _constraint(i, plan.space))],
    )
    signed = [name if maximize(name) else f"-{name}" for name in plan.search.objectives]
    client.configure_optimization(
        objective=", ".join(signed), outcome_constraints=[_text(limit.terms, limit.bound) for limit in plan.limits]
    )
    client.configure_generation_strategy(
        method="fast",
        initialization_random_seed=derive(plan.seed, "sobol") % 2**31,
        initialize_with_center=False,  # the first trial is not asked of Ax, which takes seconds to import
        allow_exceeding_initialization_budget=True,
    )
    for settings, values in plan.warm:
        _tell(client, client.attach_trial(dict(settings)), Outcome("completed", values), plan)
    return client


def tell(
    client: Any,
    plan: Plan,
    proposals: Sequence[Settings],
    outcomes: Sequence[Outcome],
    *,
    asked: int = 0,
    told: int = 0,
) -> None:
    """Tell a client of trials that it did not propose, and how the first ones have ended.

    Args:
        client: from `new_client`.
        plan: what decides the search.
        proposals: of every trial.
        outcomes: of the first trials.
        asked: trials that the client knows.
        told: outcomes that it knows.
    """
    for settings in proposals[asked:]:
        client.attach_trial(dict(settings))  # Ax adds to what it is given the parameters that do not apply
    for number in range(told, len(outcomes)):
        _tell(client, len(plan.warm) + number, outcomes[number], plan)


def import_ax() -> None:
    """Import Ax, so that the first ask need not wait for it."""
    with quiet(logging.INFO):  # at import Ax sets the level of its loggers to INFO
        _client_class()


def _client_class() -> Any:
    """Import Ax, which takes seconds the first time."""
    from ax.api.client import Client
    from ax.utils.common.logger import set_ax_logger_levels

    set_ax_logger_levels(logging.ERROR)
    return Client


def _parameter(parameter: Parameter, space: Sequence[Parameter]) -> Any:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    kind: Any = _TYPES[parameter.type]
    values: Any = parameter.values
    if parameter.is_range:
        scaling: Any = "log" if parameter.log else "linear"
        return RangeParameterConfig(name=parameter.name, bounds=values, parameter_type=kind, scaling=scaling)
    below: dict[Any, list[str]] = {}
    for other in space:
        if other.parent == parameter.name:
            below.setdefault(other.component, []).append(other.name)
    return ChoiceParameterConfig(
        name=parameter.name,
        values=list(values),
        parameter_type=kind,
        is_ordered=parameter.ordered,
        dependent_parameters=below or None,
    )


def _constraint(inequality: Inequality, space: Sequence[Parameter]) -> str:
    """Return an inequality of parameters as Ax takes it: without those that have one value; "" if none is left."""
    fixed = {p.name: float(p.values[0]) for p in space if len(p.values) == 1}
    terms = {name: c for name, c in inequality.terms.items() if name not in fixed}
    bound = inequality.bound - sum(c * fixed[name] for name, c in inequality.terms.items() if name in fixed)
    return _text(terms, bound) if terms else ""


def _text(terms: Mapping[str, float], bound: float) -> str:
    """Return ``sum of terms <= bound`` as text; a single term stands without its coefficient, as Ax wants it."""
    if len(terms) == 1:
        [(name, coefficient)] = terms.items()
        return f"{name} {'<=' if coefficient > 0 else '>='} {bound / coefficient!r}"
    return f"{' + '.join(f'{c!r} * {name}' for name, c in terms.items())} <= {bound!r}"


def _ask(client: Any) -> Settings | None:
    from ax.exceptions.core import SearchSpaceExhausted

    try:
        [(_, settings)] = client.get_next_trials(max_trials=1).items()
    except SearchSpaceExhausted:
        return None
    return {name: _native(value) for name, value in settings.items()}


def _tell(client: Any, index: int, outcome: Outcome, plan: Plan) -> None:
    """Tell how a trial has ended; where trials may be stopped, with how far it has come."""
    if outcome.status == "failed":
        client.mark_trial_abandoned(index)
    elif outcome.status == "stopped":
        client.attach_data(index, dict(outcome.values), progression=round(_PERCENT * outcome.share))
        client.mark_trial_early_stopped(index)
    else:
        progression = None if plan.search.stopping.rule == "none" else _PERCENT
        client.complete_trial(index, raw_data=dict(outcome.values), progression=progression)


def _native(value: Any) -> Scalar:
    native: Scalar = value.item() if isinstance(value, np.generic) else value
    return native


def seed_everything(seed: int) -> None:
    """Seed every generator from which Ax draws."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- Ax draws from the global generator
    torch.manual_seed(seed)


def _load(snapshot: str) -> Any:
    """Make a client of a snapshot; Ax reads only files."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ax.json"
        file.write_text(snapshot, encoding="utf-8")
        client = _client_class().load_from_json_file(str(file))
    client._generation_strategy._experiment = client._experiment
    return client


def _dump(client: Any) -> str:
    """Return all that a client knows, as JSON; the experiment once, not again for the strategy."""
    client._generation_strategy._experiment = None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ax.json"
        client.save_to_json_file(str(file))
        return file.read_text(encoding="utf-8")
