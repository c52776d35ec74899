"""The Bayesian search of one candidate: the only module that knows Ax.

A search is a list of proposals and an Ax snapshot, kept together in one file. Each proposal is a pure function of
that file, the seed and the results of earlier trials: Ax is loaded from the snapshot before every ask and seeded by
the number of trials, so a search that was killed goes on with the proposals of one that was not. A trial is told in
the order of trials, `parallel` trials late, so the proposals do not depend on which trial ends first either.

A failed trial is abandoned, never marked failed: Ax forgets failed trials and proposes the same settings for ever.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import random
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from genrelab.config.experiment import Dimension, Recipe, Space
from genrelab.config.space import parameters
from genrelab.files import read_json, write_json
from genrelab.params import Scalar
from genrelab.training.seeds import derive

Settings = dict[str, Scalar]
_OBJECTIVE = "objective"  # always maximised: a metric to be minimised is negated
_TYPES = {int: "int", float: "float", str: "str", bool: "bool"}


@attrs.define
class Search:
    """One candidate's search.

    Args:
        file: where proposals and snapshot are kept.
        space: what is searched.
        recipe: the candidate's recipe, which gives the types of the parameters.
        maximize: whether a higher objective is better.
        parallel: trials under way at once.
        seed: of this search.
    """

    file: Path
    space: Space
    recipe: Recipe
    maximize: bool
    parallel: int
    seed: int
    _known: dict[str, Any] | None = None

    @property
    def proposals(self) -> list[Settings]:
        """Settings of every trial so far."""
        found: list[Settings] = self._state()["proposals"]
        return found

    def may_propose(self, ended: int) -> bool:
        """Tell whether enough of the first trials have ended for another one to be proposed."""
        return ended > len(self.proposals) - self.parallel

    def propose(self, results: Sequence[float | None]) -> Settings | None:
        """Propose the settings of the next trial and keep them.

        Args:
            results: objective of each ended trial, in order, without gaps; None for one that failed. Only those
                that a search with `parallel` trials under way would know are told.

        Returns:
            The settings, or None where the space is exhausted.
        """
        if self._is_used_up():
            return None
        with _quiet():
            return self._propose(self._state(), results)

    def _propose(self, state: dict[str, Any], results: Sequence[float | None]) -> Settings | None:
        number = len(state["proposals"])
        client = _load(state["ax"]) if state["ax"] else self._new_client()
        known = max(0, number - self.parallel + 1)
        for index in range(state["told"], known):
            _tell(client, index, results[index], self.maximize)
        _seed_everything(derive(self.seed, "ask", number))
        settings = _ask(client)
        if settings is not None:
            self._known = {"proposals": [*state["proposals"], settings], "told": known, "ax": _dump(client)}
            write_json(self.file, self._known)
        return settings

    def _is_used_up(self) -> bool:
        """Tell whether a space of choices has been tried in full; Ax takes half a minute to find that out."""
        if any(d.kind == "range" for d in self.space.values()):
            return False
        settings = math.prod(len(set(d.values)) for d in self.space.values())
        return len({tuple(sorted(p.items())) for p in self.proposals}) >= settings

    def _state(self) -> dict[str, Any]:
        """Return what the file holds; only this process writes it, so it is read once."""
        if self._known is None:
            empty = {"proposals": [], "told": 0, "ax": None}
            self._known = read_json(self.file) if self.file.is_file() else empty
        return self._known

    def _new_client(self) -> Any:
        client = _client_class()()
        types = {name: attribute.type for name, (attribute, _) in parameters(self.recipe).items()}
        client.configure_experiment(
            name="search", parameters=[_parameter(n, d, types[n]) for n, d in self.space.items()]
        )
        client.configure_optimization(objective=_OBJECTIVE)
        client.configure_generation_strategy(
            method="fast",
            initialization_random_seed=derive(self.seed, "sobol") % 2**31,
            allow_exceeding_initialization_budget=True,
        )
        return client


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Ax says to its developers: deprecations within itself, numerical retries of the surrogate."""
    logging.disable(logging.INFO)  # at import Ax sets the level of its loggers to INFO
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)


def _client_class() -> Any:
    """Import Ax, which takes seconds the first time."""
    from ax.api.client import Client
    from ax.utils.common.logger import set_ax_logger_levels

    set_ax_logger_levels(logging.ERROR)
    return Client


def _parameter(name: str, dimension: Dimension, wanted: Any) -> Any:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    kind: Any = _TYPES[wanted]
    values = [wanted(v) for v in dimension.values]
    if dimension.kind == "range":
        return RangeParameterConfig(
            name=name,
            bounds=(values[0], values[1]),
            parameter_type=kind,
            scaling="log" if dimension.log else "linear",
        )
    ordered = wanted in (int, float) if dimension.ordered is None else dimension.ordered
    return ChoiceParameterConfig(name=name, values=values, parameter_type=kind, is_ordered=ordered)


def _ask(client: Any) -> Settings | None:
    from ax.exceptions.core import SearchSpaceExhausted

    try:
        [(_, settings)] = client.get_next_trials(max_trials=1).items()
    except SearchSpaceExhausted:
        return None
    return {name: _native(value) for name, value in settings.items()}


def _tell(client: Any, index: int, objective: float | None, maximize: bool) -> None:
    if objective is None:
        client.mark_trial_abandoned(index)
    else:
        client.complete_trial(index, raw_data={_OBJECTIVE: objective if maximize else -objective})


def _native(value: Any) -> Scalar:
    native: Scalar = value.item() if isinstance(value, np.generic) else value
    return native


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- Ax draws from the global generator
    torch.manual_seed(seed)


def _load(snapshot: Mapping[str, Any]) -> Any:
    """Make a client of a snapshot; Ax reads only files."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ax.json"
        file.write_text(json.dumps(snapshot), encoding="utf-8")
        return _client_class().load_from_json_file(str(file))


def _dump(client: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ax.json"
        client.save_to_json_file(str(file))
        return read_json(file)
