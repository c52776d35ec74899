"""Run a study: hand out trainings, watch them, and end with the result table.

The loop knows nothing that is not in the run directory. Killed at any time and started again, it goes on.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import tomli_w
from joblib import cpu_count

from genrelab.config.choices import tables
from genrelab.config.experiment import Experiment, Recipe
from genrelab.data.prepare import Preparation, load_clips
from genrelab.errors import InputError, WorkError
from genrelab.events import StudyEnd, StudyStart, TrialRef, TrialStart
from genrelab.files import read_json, read_lines, remove, write_json, write_text
from genrelab.jobs import JOB_FILE, METRICS, RESULT, Job, JobEnd
from genrelab.plugins.registry import Registry
from genrelab.study.candidate import CandidateRun
from genrelab.study.claim import claim, has_moved
from genrelab.study.due import Training
from genrelab.study.environment import describe_environment
from genrelab.study.listeners import Listeners
from genrelab.study.results import Row, write_results
from genrelab.study.rundir import RunDirectory, earlier_runs
from genrelab.study.search.analysis import write_analysis
from genrelab.study.search.ax.ask import import_ax
from genrelab.study.told import epoch_end, trial_end
from genrelab.times import Times
from genrelab.training.build import build_augmentation, build_model, build_optimizer
from genrelab.training.device import resolve, use_one_thread
from genrelab.training.precision import Precision

POLL_SECONDS = 0.2
_TRIES = 2  # a training whose process died is started once more


def run_study(
    experiment: Experiment,
    registry: Registry,
    root: Path,
    store: Path,
    *,
    strict: bool = False,
    times: Times | None = None,
) -> list[Row]:
    """Run a study, or go on with the one that is in `root`.

    Args:
        experiment: what to run.
        registry: resolves components.
        root: the run directory; made if need be.
        store: folder of the feature stores.
        strict: whether audio files that cannot be used are an error.
        times: where the seconds of its work are counted; they are kept in `root`.

    Returns:
        The result table.

    Raises:
        InputError: another experiment's directory, one that is in use, or data that does not allow this experiment.
        WorkError: no candidate has a result, or there are files that cannot be used, where `strict`.
    """
    use_one_thread()
    resolve(experiment.device)
    run, times = RunDirectory(root), times or Times()
    with claim(experiment, root):
        times.open(run.times)
        try:
            return Study(experiment, registry, run, store, strict=strict, times=times).run()
        finally:
            times.keep()


class Study:
    """A study under way.

    Args:
        experiment: what to run.
        registry: resolves components.
        run: its directory, locked by this process.
        store: folder of the feature stores.
        strict: whether audio files that cannot be used are an error.
        times: where the seconds of its work are counted.
    """

    def __init__(
        self,
        experiment: Experiment,
        registry: Registry,
        run: RunDirectory,
        store: Path,
        *,
        strict: bool,
        times: Times,
    ) -> None:
        self._experiment, self._registry, self._run, self._times = experiment, registry, run, times
        self._listeners = Listeners(experiment.reporter, registry)
        moved = has_moved(experiment, run)
        if not run.experiment.is_file():
            earlier_runs(experiment.search)  # before the audio, which may take hours
        self._data = Preparation(
            experiment, registry, run.data, store, cpu_count(), strict=strict, moved=moved, times=times
        )
        self._candidates = [CandidateRun(experiment, c, run, registry) for c in experiment.candidate]
        self._running: dict[Path, _Watched] = {}
        for candidate in self._candidates:
            self._check_recipe(candidate.name, candidate.recipe)

    def run(self) -> list[Row]:
        """Run everything that is left to do."""
        try:
            return self._work()
        finally:
            with self._times.spent("log"), self._listeners:
                pass  # but wait until they have heard everything

    def _work(self) -> list[Row]:
        environment = describe_environment()
        write_text(self._run.experiment, tomli_w.dumps(tables(self._experiment)))
        write_json(self._run.root / "environment.json", environment)
        self._tell(self._start_event(environment))
        status: Any = "interrupted"
        rows: list[Row] = []
        choice = self._experiment.executor
        executor = self._registry.build("executor", choice.name, choice.params)
        if self._experiment.search.method == "bayesian" and any(
            c.trials.count > max(1, len(c.trials.proposals)) for c in self._candidates
        ):
            threading.Thread(target=import_ax, name="import ax", daemon=True).start()  # takes seconds
        try:
            while self._hand_out(executor) or self._running:
                with self._times.spent("wait"):
                    ended = executor.wait(POLL_SECONDS)
                for end in ended:
                    self._ended(executor, end)
                for watched in self._running.values():
                    self._tell_epochs(watched)
            with self._times.spent("ask"):
                for candidate in self._candidates:
                    if candidate.trials.count:
                        write_analysis(self._run.analysis(candidate.name), candidate.trials)
            rows = [c.row() for c in self._candidates]
            write_results(self._run.root, rows, self._data.notes)
            status = "completed" if any(row.runs for row in rows) else "failed"
        finally:
            with self._times.spent("wait"):
                executor.close()
            self._times.under_way(0)
            for watched in self._running.values():
                self._tell_end(watched)
            self._tell(StudyEnd(self._experiment.name, self._run.root, status, [r.as_mapping() for r in rows]))
        if status == "failed":
            raise WorkError(f"no candidate has a result; see {self._run.root / 'results.md'}: {rows[0].message}")
        return rows

    def _hand_out(self, executor: Any) -> bool:
        """Fill the free slots, the candidate that has had least first; tell whether anything was started."""
        some = False
        while len(self._running) < executor.slots:
            least_first = sorted(self._candidates, key=lambda c: c.started)
            with self._times.spent("ask"):
                training = next(filter(None, (c.next() for c in least_first)), None)
            if training is None:
                break
            self._submit(executor, training)
            some = True
        return some

    def _submit(self, executor: Any, training: Training) -> None:
        folder = training.directory
        if not training.is_there:
            remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        recipe = tables(training.recipe)
        write_json(
            folder / JOB_FILE,
            {
                "name": training.trial.name,
                "recipe": recipe,
                "settings": training.settings,
                "audio": tables(self._experiment.audio),
                "seed": training.seed,
                "device": self._experiment.device,
                "tracks": os.path.relpath(self._run.tracks, folder),
                "feature": os.path.relpath(self._data.clips(training.recipe), folder),
                "test": training.trial.stage == "final",
                **({"stop": tables(training.stop)} if training.stop else {}),
                "registry": self._registry.recreate(),
            },
        )
        self._tell(TrialStart(training.trial, folder, training.settings, recipe, training.recipe.train.epochs))
        self._running[folder] = _Watched(training.trial, folder, len(list(read_lines(folder / METRICS))))
        self._times.under_way(len(self._running))
        with self._times.spent("wait"):
            executor.submit(Job(training.trial.name, folder))

    def _ended(self, executor: Any, end: JobEnd) -> None:
        if end.state == "refused":
            raise WorkError(end.detail)
        watched = self._running[end.job.directory]
        if end.state == "lost":
            watched.tries += 1
            if watched.tries < _TRIES:
                executor.submit(end.job)
                return
            message = f"its process died twice: {end.detail}"
            seconds = sum(record["seconds"] for record in read_lines(end.job.directory / METRICS))
            write_json(end.job.directory / RESULT, {"status": "failed", "message": message, "seconds": seconds})
        del self._running[end.job.directory]
        self._times.under_way(len(self._running))
        self._tell_end(watched)

    def _tell(self, event: Any) -> None:
        with self._times.spent("log"):
            self._listeners.tell(event)

    def _tell_end(self, watched: _Watched) -> None:
        """Tell how a training has ended; one without a result was interrupted."""
        self._tell_epochs(watched)
        result = read_json(file) if (file := watched.folder / RESULT).is_file() else {}
        if "judging_seconds" in result:
            self._times.add("validate", result["judging_seconds"])
            session = result["seconds"] - result["earlier_seconds"]
            self._times.add("start", time.monotonic() - watched.begun - session)
        candidate = next(c for c in self._candidates if c.name == watched.trial.candidate)
        objective = candidate.objective(result) if result else None
        self._tell(trial_end(watched.trial, result, watched.epochs, objective, time.time()))

    def _tell_epochs(self, watched: _Watched) -> None:
        for record in list(read_lines(watched.folder / METRICS))[watched.epochs :]:
            watched.epochs += 1
            if watched.epochs > watched.before:
                self._times.add("train", record["seconds"] - record["validation_seconds"])
                self._times.add("validate", record["validation_seconds"])
            self._tell(epoch_end(watched.trial, record))

    def _check_recipe(self, name: str, recipe: Recipe) -> None:
        """Build what a candidate trains, once, so that what cannot be built is known before anything is trained."""
        clips = load_clips(self._run.tracks, self._data.clips(recipe), resolve("cpu"))
        try:
            model = build_model(recipe, self._registry, clips.shape, len(clips.classes))
            build_optimizer(recipe, self._registry, model, clips)
            build_augmentation(recipe, self._registry, self._experiment.audio.sample_rate, clips)
            Precision(recipe.train, resolve(self._experiment.device))
        except InputError as error:
            raise InputError(f"candidate {name!r}: {error}") from error

    def _start_event(self, environment: dict[str, Any]) -> StudyStart:
        return StudyStart(
            self._experiment.name,
            self._run.root,
            tables(self._experiment),
            environment,
            [c.name for c in self._candidates],
            self._data.tracks.classes,
            sum(c.count() for c in self._candidates),
            sum(c.done() for c in self._candidates),
            self._data.notes,
        )


class _Watched:
    """A training under way, as far as it has been told to the listeners."""

    def __init__(self, trial: TrialRef, folder: Path, before: int) -> None:
        self.trial, self.folder, self.before = trial, folder, before
        self.begun = time.monotonic()
        self.epochs = 0
        self.tries = 0
