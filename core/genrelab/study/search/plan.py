"""What decides a search, resolved once: parameters, limits, the settings that come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

import attrs

from genrelab.config.constraints import Inequality
from genrelab.config.experiment import Candidate, Experiment
from genrelab.config.search import Search, Settings
from genrelab.config.search_checks import read_constraints
from genrelab.config.space import Parameter, completed, every_setting, parameters, resolve
from genrelab.params import Scalar
from genrelab.plugins.registry import Registry
from genrelab.training.seeds import derive

Known = tuple[Settings, Mapping[str, float]]
"""A trial of an earlier run: its settings, and what it came to."""


@attrs.frozen
class Outcome:
    """What a search is told of a trial that has ended."""

    status: Literal["completed", "stopped", "failed"]
    values: Mapping[str, float] = attrs.field(factory=dict)
    """Objectives, and what constraints are put on, by name."""
    share: float = 1.0
    """Of its epochs, of a trial that was stopped."""
    seconds: float = 0.0
    """Of training."""


@attrs.frozen
class Plan:
    """What decides the search of one candidate."""

    space: Sequence[Parameter]
    search: Search
    first: Sequence[Settings] = ()
    """Tried first, with a value of each parameter, no two alike."""
    inequalities: Sequence[Inequality] = ()
    """Of parameters."""
    limits: Sequence[Inequality] = ()
    """Of results; each of one metric or cost."""
    seed: int = 0
    warm: Sequence[Known] = ()
    """What is known before the first trial."""

    @property
    def watched(self) -> tuple[str, ...]:
        """Names of what results must say: objectives and limited metrics or costs."""
        limited = [name for limit in self.limits for name in limit.terms]
        return tuple(dict.fromkeys([*self.search.objectives, *limited]))

    def allows(self, settings: Settings) -> bool:
        """Tell whether settings satisfy the inequalities of parameters."""
        return all(inequality.holds(settings) for inequality in self.inequalities)

    def is_within_limits(self, outcome: Outcome) -> bool:
        """Tell whether what a trial came to satisfies the limits."""
        return all(limit.holds(outcome.values) for limit in self.limits)

    def trials(self) -> int:
        """Return how many trials there are at the most: no more than there are settings to try."""
        if self.search.method == "fixed":
            return len(self.first)
        trials, known = self.search.trials, {key(settings) for settings, _ in self.warm}
        if any(p.is_range for p in self.space):
            return trials
        left = (s for s in every_setting(self.space) if self.allows(s) and key(s) not in known)
        return sum(1 for _ in islice(left, trials))


def make_plan(experiment: Experiment, candidate: Candidate, registry: Registry) -> Plan:
    """Resolve the search of a candidate; the experiment has been checked."""
    recipe, space = experiment.recipe(candidate), experiment.space(candidate)
    resolved = resolve(space, parameters(recipe, space, registry))
    first = list(experiment.first(candidate))
    if experiment.search.method != "fixed":
        first = [completed(settings, resolved, recipe, registry) for settings in first]
    inequalities, limits = read_constraints(experiment.search.constraints, resolved)
    return Plan(
        resolved,
        experiment.search,
        list({key(settings): settings for settings in first}.values()),
        inequalities,
        limits,
        derive(experiment.seed, candidate.name, "search"),
    )


def key(settings: Mapping[str, Scalar]) -> tuple[tuple[str, Scalar], ...]:
    """Return settings as something that is equal where they are."""
    return tuple(sorted(settings.items()))
