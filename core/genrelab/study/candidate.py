"""One candidate on its way through a study: search, choice of the best setting, final runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.choices import tables
from genrelab.config.experiment import Candidate, Experiment, Recipe
from genrelab.config.space import with_values
from genrelab.events import TrialRef
from genrelab.files import read_json
from genrelab.params import Scalar
from genrelab.study.results import Row
from genrelab.study.rundir import RunDirectory
from genrelab.study.search import Search, Settings
from genrelab.training.job import RESULT
from genrelab.training.seeds import derive


@attrs.frozen
class Training:
    """A training that is due: which it is, and what its job file says."""

    trial: TrialRef
    directory: Path
    settings: dict[str, Scalar]
    recipe: Recipe
    seed: int
    test: bool


class CandidateRun:
    """What a candidate has done and is to do next, all of it read from the run directory.

    Args:
        experiment: the study's.
        candidate: one of its candidates.
        run: the run directory.
    """

    def __init__(self, experiment: Experiment, candidate: Candidate, run: RunDirectory) -> None:
        self.name = candidate.name
        self.recipe = experiment.recipe(candidate)
        self.started = 0
        """Trainings handed out by this process."""
        self._experiment, self._run = experiment, run
        self._submitted: set[TrialRef] = set()
        self._results: dict[TrialRef, dict[str, Any]] = {}
        self._exhausted = False
        space = experiment.space(candidate)
        self.trials = experiment.search.trials if space else 0
        self._search = Search(
            run.candidate(self.name) / "search.json",
            space,
            self.recipe,
            experiment.search.maximize,
            experiment.search.parallel,
            derive(experiment.seed, self.name, "search"),
        )

    def next(self) -> Training | None:
        """Return the next training that can start now; None while others must end first, or all are handed out."""
        for trial, settings in self._asked():
            if trial not in self._submitted and self.result(trial) is None:
                return self._training(trial, settings, test=False)
        if not self.searched:
            return self._propose()
        if len(self._ended()) < len(self._search.proposals) or (best := self.best) is None:
            return None
        for seed in self._experiment.final.seeds:
            trial = self._ref("final", seed)
            if trial not in self._submitted and self.result(trial) is None:
                return self._training(trial, best, test=True)
        return None

    @property
    def searched(self) -> bool:
        """Whether no further trial will be proposed."""
        return self._exhausted or len(self._search.proposals) >= self.trials

    @property
    def best(self) -> Settings | None:
        """Settings of the best trial; {} where nothing is searched; None where every trial has failed."""
        if not self.trials:
            return {}
        scored = [(o, s) for o, (_, s) in zip(self._ended(), self._asked(), strict=False) if o is not None]
        if not scored:
            return None
        pick = max if self._experiment.search.maximize else min
        return pick(scored, key=lambda pair: pair[0])[1]

    def objective(self, result: dict[str, Any]) -> float | None:
        """Return what the search is told of a result: the metric at the best epoch, None for a failure."""
        if result["status"] != "completed":
            return None
        value: float = result["metrics"]["validation"][self._experiment.search.metric]
        return value if math.isfinite(value) else None

    def result(self, trial: TrialRef) -> dict[str, Any] | None:
        """Return the result of a training, None where it has none yet."""
        if trial not in self._results and (file := self._run.trial(trial) / RESULT).is_file():
            self._results[trial] = read_json(file)
        return self._results.get(trial)

    def done(self) -> int:
        """Return how many trainings have a result."""
        finals = [self._ref("final", seed) for seed in self._experiment.final.seeds]
        return sum(self.result(t) is not None for t in [*(t for t, _ in self._asked()), *finals])

    def row(self) -> Row:
        """Return this candidate's row of the result table."""
        found = [self.result(self._ref("final", seed)) for seed in self._experiment.final.seeds]
        completed = [r for r in found if r and r["status"] == "completed"]
        messages = [r["message"] for r in found if r and r["status"] != "completed"]
        if self.best is None:
            messages = [f"all {self.trials} trials failed, the last: {self._last_message()}"]
        return Row(self.name, self.best or {}, completed, messages[-1] if messages else "")

    def _propose(self) -> Training | None:
        ended = self._ended()
        if not self._search.may_propose(len(ended)):
            return None
        settings = self._search.propose(ended)
        if settings is None:
            self._exhausted = True
            return self.next()
        return self._training(self._ref("search", len(self._search.proposals) - 1), settings, test=False)

    def _training(self, trial: TrialRef, settings: Settings, *, test: bool) -> Training:
        self._submitted.add(trial)
        self.started += 1
        recipe = with_values(self.recipe, settings)
        epochs = self._experiment.final.epochs
        if test and epochs:
            recipe = attrs.evolve(recipe, train=attrs.evolve(recipe.train, epochs=epochs))
        seed = derive(self._experiment.seed, trial.candidate, trial.stage, trial.number)
        return Training(trial, self._run.trial(trial), settings, recipe, seed, test)

    def _asked(self) -> list[tuple[TrialRef, Settings]]:
        return [(self._ref("search", i), s) for i, s in enumerate(self._search.proposals)]

    def _ended(self) -> list[float | None]:
        """Return the objectives of the first trials, as far as they have ended without a gap."""
        objectives = []
        for trial, _ in self._asked():
            result = self.result(trial)
            if result is None:
                break
            objectives.append(self.objective(result))
        return objectives

    def _last_message(self) -> str:
        last = self.result(self._asked()[-1][0])
        return str(last["message"]) if last else ""

    def _ref(self, stage: Any, number: int) -> TrialRef:
        return TrialRef(self._experiment.name, self.name, stage, number)


def recipe_tables(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain tables."""
    plain: dict[str, Any] = tables(recipe)
    return plain
