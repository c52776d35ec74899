"""One candidate on its way through a study: search, trainings of the finalists, final runs of the one chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.experiment import Candidate, Experiment
from genrelab.config.search import Settings
from genrelab.config.space import with_values
from genrelab.events import TrialRef
from genrelab.plugins.registry import Registry
from genrelab.study.due import Results, Training
from genrelab.study.finalists import best_of
from genrelab.study.outcomes import outcome_of
from genrelab.study.results import Row
from genrelab.study.rundir import RunDirectory
from genrelab.study.trials import Trials
from genrelab.training.seeds import derive


class CandidateRun:
    """What a candidate has done and is to do next, all of it read from the run directory.

    Args:
        experiment: the study's.
        candidate: one of its candidates.
        run: the run directory.
        registry: resolves components.
    """

    def __init__(self, experiment: Experiment, candidate: Candidate, run: RunDirectory, registry: Registry) -> None:
        self.name = candidate.name
        self.recipe = experiment.recipe(candidate)
        self.started = 0
        """Trainings handed out by this process."""
        self._experiment, self._run, self._registry = experiment, run, registry
        self._results = Results()
        self.trials = Trials(experiment, candidate, run, registry, self._results)
        self._handed_out: set[Path] = set()
        self._selected: list[list[Training]] | None = None

    def next(self) -> Training | None:
        """Return the next training that can start now; None while others must end first, or all are handed out."""
        training = self.trials.due(self._handed_out) or self._due([*self._selection(), *self._finals()])
        if training:
            self._handed_out.add(training.directory)
            self.started += 1
        return training

    @property
    def best(self) -> Settings | None:
        """Settings that are tested; {} where nothing is searched; None where none is chosen yet, or can be."""
        if not self.trials.count:
            return {}
        finalists = self._finalists()
        if len(finalists) < 2:
            return finalists[0][0].settings if finalists else None
        results = [[self._results.of(t) for t in trainings] for trainings in finalists]
        if any(r is None for some in results for r in some):
            return None
        outcomes = [[outcome_of(r, self.trials.plan) for r in some if r] for some in results]
        rank = best_of(self.trials.plan, outcomes)
        return None if rank is None else finalists[rank][0].settings

    def objective(self, result: Mapping[str, Any]) -> float | None:
        """Return the search's metric of a result, None for one that has not been completed."""
        outcome = outcome_of(result, self.trials.plan)
        return outcome.values[self.trials.plan.search.metric] if outcome.status == "completed" else None

    def count(self) -> int:
        """Return how many trainings there are in all, at the most."""
        final, trials = self._experiment.final, self.trials.count
        return trials + final.selection_runs(trials) + len(final.seeds)

    def done(self) -> int:
        """Return how many trainings have a result."""
        others = [*self._selection(), *self._finals()]
        return len(self.trials.outcomes) + sum(self._results.of(training) is not None for training in others)

    def row(self) -> Row:
        """Return this candidate's row of the result table."""
        results = [self._results.of(training) for training in self._finals()]
        completed = [r for r in results if r and r["status"] == "completed"]
        messages = [r["message"] for r in results if r and r["status"] != "completed"]
        if self.best is None:
            messages = [self._why_none()]
        counts: Counter[str] = Counter(outcome.status for outcome in self.trials.outcomes)
        return Row(self.name, self.best or {}, completed, messages[-1] if messages else "", counts)

    def _due(self, trainings: Sequence[Training]) -> Training | None:
        left = (t for t in trainings if t.directory not in self._handed_out and self._results.of(t) is None)
        return next(left, None)

    def _finalists(self) -> list[list[Training]]:
        """Return the trainings of each finalist, the best by the search first; [] before the search has ended."""
        if self._selected is None and self.trials.count and self.trials.ended and not self.trials.failed:
            best = self.trials.ranked()[: self._experiment.final.finalists]
            self._selected = [self._trainings_of(rank, settings) for rank, settings in enumerate(best, 1)]
        return self._selected or []

    def _trainings_of(self, rank: int, settings: Settings) -> list[Training]:
        # The same seeds for all finalists: they differ in their settings alone.
        return [
            self._again(TrialRef(self._experiment.name, self.name, "selection", rank, seed), settings, seed)
            for seed in self._experiment.final.selection_seeds
        ]

    def _selection(self) -> list[Training]:
        """Return the trainings that choose among finalists; [] where there is no choice."""
        finalists = self._finalists()
        return [t for trainings in finalists for t in trainings] if len(finalists) > 1 else []

    def _finals(self) -> list[Training]:
        best = self.best
        if best is None:
            return []
        name, study = self._experiment.name, self._experiment.final
        return [self._again(TrialRef(name, self.name, "final", seed), best, seed) for seed in study.seeds]

    def _again(self, trial: TrialRef, settings: Settings, seed: int) -> Training:
        """Return a training of settings that the search has found, for as many epochs as final runs have."""
        recipe = with_values(self.recipe, settings, self._registry)
        if epochs := self._experiment.final.epochs:
            recipe = attrs.evolve(recipe, train=attrs.evolve(recipe.train, epochs=epochs))
        derived = derive(self._experiment.seed, self.name, trial.stage, seed)
        return Training(trial, self._run.trial(trial), settings, recipe, derived)

    def _why_none(self) -> str:
        if self.trials.failed:
            return self.trials.why_failed()
        return "every training of a finalist failed" if self._finalists() else "no trial satisfies the constraints"
