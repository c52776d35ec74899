"""The trials of one candidate's search: which is next, when it ends early, what has come of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genrelab.config.experiment import Candidate, Experiment, Recipe
from genrelab.config.search import Settings, maximize
from genrelab.config.space import with_values
from genrelab.events import TrialRef
from genrelab.files import read_lines
from genrelab.jobs import METRICS
from genrelab.plugins.registry import Registry
from genrelab.study.due import Results, Training
from genrelab.study.finalists import ranked
from genrelab.study.outcomes import outcome_of
from genrelab.study.rundir import RunDirectory
from genrelab.study.search.plan import Outcome
from genrelab.study.search.search import Search, has_failed
from genrelab.study.search.stopping import Curve, bounds
from genrelab.study.search.warm import keep_plan
from genrelab.training.seeds import derive
from genrelab.training.stop import Stop


class Trials:
    """A candidate's search, all of it read from the run directory.

    Args:
        experiment: the study's.
        candidate: one of its candidates; its space may be empty: then there are no trials.
        run: the run directory.
        registry: resolves components.
        results: of its trainings.
    """

    def __init__(
        self, experiment: Experiment, candidate: Candidate, run: RunDirectory, registry: Registry, results: Results
    ) -> None:
        self._experiment, self._name, self._run = experiment, candidate.name, run
        self._recipe, self._registry, self._results = experiment.recipe(candidate), registry, results
        self.plan = keep_plan(experiment, candidate, registry, run.warm(candidate.name))
        self.count = self.plan.trials() if experiment.trials(candidate) else 0
        """How many there are at the most."""
        self._search = Search(run.search(candidate.name), self.plan)
        self._over = False
        self._ended: list[Outcome] = []
        self._trainings: dict[int, Training] = {}

    @property
    def proposals(self) -> Sequence[Settings]:
        """Settings of every trial so far."""
        return self._search.proposals

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Outcomes of the first trials, as far as they have ended without a gap."""
        while len(self._ended) < len(self.proposals):
            result = self._results.of(self._training(len(self._ended)))
            if result is None:
                break
            self._ended.append(outcome_of(result, self.plan))
        return self._ended

    @property
    def ended(self) -> bool:
        """Whether no further trial will be proposed and all have ended."""
        asked = self._over or len(self.proposals) >= self.count
        return asked and len(self.outcomes) == len(self.proposals)

    @property
    def failed(self) -> bool:
        """Whether more trials have failed than may; the candidate goes no further."""
        return bool(self.count) and has_failed(self.plan, self.outcomes)

    def ranked(self) -> list[Settings]:
        """Return the settings that completed within the limits, the best first."""
        return ranked(self.plan, self.proposals, self.outcomes)

    def due(self, handed_out: set[Path]) -> Training | None:
        """Return the next trial that can start now.

        Args:
            handed_out: directories of the trainings that this process has handed out.
        """
        outcomes = self.outcomes
        for number in range(len(outcomes), len(self.proposals)):
            training = self._training(number)
            if training.directory not in handed_out and self._results.of(training) is None:
                return training
        if self._over or len(self.proposals) >= self.count:
            return None
        known = self._search.known(outcomes, len(self.proposals))
        if known is None:
            return None
        self._over = self._search.is_over(known) or self._search.propose(known) is None
        return None if self._over else self._training(len(self.proposals) - 1)

    def why_failed(self) -> str:
        """Say how many trials have failed, and why the last one did."""
        failures = [i for i, outcome in enumerate(self.outcomes) if outcome.status == "failed"]
        result = self._results.of(self._training(failures[-1])) or {}
        return f"{len(failures)} of {self.count} trials failed, the last: {result.get('message', '')}"

    def _training(self, number: int) -> Training:
        if number not in self._trainings:
            trial = TrialRef(self._experiment.name, self._name, "search", number)
            settings = self.proposals[number]
            recipe = with_values(self._recipe, settings, self._registry)
            seed = derive(self._experiment.seed, self._name, "search", number)
            stop = self._stop(number, recipe)
            self._trainings[number] = Training(trial, self._run.trial(trial), settings, recipe, seed, stop)
        return self._trainings[number]

    def _stop(self, number: int, recipe: Recipe) -> Stop | None:
        search = self.plan.search
        if search.stopping.rule == "none":
            return None
        known = self._ended[: self._search.count_known(number)]
        curves = [self._curve(i, o) for i, o in enumerate(known) if o.status != "failed"]
        found = bounds(search.stopping, search.metric, curves, recipe.train.epochs)
        return Stop(search.metric, maximize(search.metric), found)

    def _curve(self, number: int, outcome: Outcome) -> Curve:
        records = read_lines(self._training(number).directory / METRICS)
        values = [record["validation"][self.plan.search.metric] for record in records]
        return Curve(values, outcome.status == "completed")
