"""Run a study: hand out trainings, watch them, and end with the result table.

The loop knows nothing that is not in the run directory. Killed at any time and started again, it goes on.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w
from filelock import FileLock, Timeout

from genrelab.config.choices import tables
from genrelab.config.experiment import Experiment, Recipe
from genrelab.data.prepare import Preparation, load_clips
from genrelab.errors import InputError, WorkError
from genrelab.events import EpochEnd, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab.files import read_json, read_lines, write_json, write_text
from genrelab.jobs import Job, JobEnd
from genrelab.plugins.registry import Registry
from genrelab.study.candidate import CandidateRun, Training, recipe_tables
from genrelab.study.environment import describe_environment
from genrelab.study.listeners import Listeners
from genrelab.study.results import Row, write_results
from genrelab.study.rundir import RunDirectory
from genrelab.training.device import resolve, use_one_thread
from genrelab.training.job import METRICS, RESULT, build_augmentation, build_model

POLL_SECONDS = 0.2
_TRIES = 2  # a training whose process died is started once more
_MAY_DIFFER = ("device", "executor", "reporter")  # where it runs and who looks on does not change what it is


def run_study(experiment: Experiment, registry: Registry, root: Path, store: Path) -> list[Row]:
    """Run a study, or go on with the one that is in `root`.

    Args:
        experiment: what to run.
        registry: resolves components.
        root: the run directory; made if need be.
        store: folder of the feature stores.

    Returns:
        The result table.

    Raises:
        InputError: another experiment's directory, one that is in use, or data that does not allow this experiment.
        WorkError: no candidate has a result.
    """
    use_one_thread()
    resolve(experiment.device)
    _check_directory(experiment, root)
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / "lock", timeout=0):
            return Study(experiment, registry, RunDirectory(root), store).run()
    except Timeout:
        raise InputError(f"{root}: another process runs this study") from None


class Study:
    """A study under way.

    Args:
        experiment: what to run.
        registry: resolves components.
        run: its directory, locked by this process.
        store: folder of the feature stores.
    """

    def __init__(self, experiment: Experiment, registry: Registry, run: RunDirectory, store: Path) -> None:
        self._experiment, self._registry, self._run = experiment, registry, run
        self._listeners = Listeners(
            [(c.name, registry.get("reporter", c.name).build(c.params)) for c in experiment.reporter]
        )
        self._data = Preparation(experiment, registry, run.data, store, os.cpu_count() or 1)
        self._candidates = [CandidateRun(experiment, c, run) for c in experiment.candidate]
        self._running: dict[Path, _Watched] = {}
        for candidate in self._candidates:
            self._check_recipe(candidate.name, candidate.recipe)

    def run(self) -> list[Row]:
        """Run everything that is left to do."""
        environment = describe_environment()
        write_text(self._run.experiment, tomli_w.dumps(tables(self._experiment)))
        write_json(self._run.root / "environment.json", environment)
        self._listeners.tell(self._start_event(environment))
        status: Any = "interrupted"
        rows: list[Row] = []
        choice = self._experiment.executor
        executor = self._registry.get("executor", choice.name).build(choice.params)
        try:
            while self._hand_out(executor) or self._running:
                for end in executor.wait(POLL_SECONDS):
                    self._ended(executor, end)
                for watched in self._running.values():
                    self._tell_epochs(watched)
            rows = [c.row() for c in self._candidates]
            write_results(self._run.root, rows)
            status = "completed" if any(row.runs for row in rows) else "failed"
        finally:
            executor.close()
            self._listeners.tell(
                StudyEnd(self._experiment.name, self._run.root, status, [r.as_mapping() for r in rows])
            )
        if status == "failed":
            raise WorkError(f"no candidate has a result; see {self._run.root / 'results.md'}: {rows[0].message}")
        return rows

    def _hand_out(self, executor: Any) -> bool:
        """Fill the free slots, the candidate that has had least first; tell whether anything was started."""
        some = False
        while len(self._running) < executor.slots:
            training = next(
                filter(None, (c.next() for c in sorted(self._candidates, key=lambda c: c.started))), None
            )
            if training is None:
                break
            self._submit(executor, training)
            some = True
        return some

    def _submit(self, executor: Any, training: Training) -> None:
        folder = training.directory
        folder.mkdir(parents=True, exist_ok=True)
        recipe = recipe_tables(training.recipe)
        write_json(
            folder / "job.json",
            {
                "name": training.trial.name,
                "recipe": recipe,
                "seed": training.seed,
                "device": self._experiment.device,
                "tracks": os.path.relpath(self._run.tracks, folder),
                "feature": os.path.relpath(self._data.feature(training.recipe.feature), folder),
                "test": training.test,
                "registry": self._registry.recreate(),
            },
        )
        self._listeners.tell(
            TrialStart(training.trial, folder, training.settings, recipe, training.recipe.train.epochs)
        )
        self._running[folder] = _Watched(training.trial, folder)
        executor.submit(Job(training.trial.name, folder))

    def _ended(self, executor: Any, end: JobEnd) -> None:
        watched = self._running[end.job.directory]
        if end.state == "lost":
            watched.tries += 1
            if watched.tries < _TRIES:
                executor.submit(end.job)
                return
            message = f"its process died twice: {end.detail}"
            write_json(end.job.directory / RESULT, {"status": "failed", "message": message, "seconds": 0.0})
        del self._running[end.job.directory]
        self._tell_epochs(watched)
        result = read_json(end.job.directory / RESULT)
        candidate = next(c for c in self._candidates if c.name == watched.trial.candidate)
        self._listeners.tell(
            TrialEnd(
                watched.trial,
                result["status"],
                result["message"],
                result.get("epochs", 0),
                result.get("best_epoch", 0),
                result.get("metrics", {}),
                result.get("confusion", {}),
                result.get("parameters", 0),
                result["seconds"],
                candidate.objective(result),
            )
        )

    def _tell_epochs(self, watched: _Watched) -> None:
        for record in list(read_lines(watched.folder / METRICS))[watched.epochs :]:
            watched.epochs += 1
            self._listeners.tell(
                EpochEnd(
                    watched.trial,
                    record["epoch"],
                    {s: record[s] for s in ("train", "validation")},
                    record["learning_rate"],
                    record["seconds"],
                    record["time"],
                )
            )

    def _check_recipe(self, name: str, recipe: Recipe) -> None:
        """Build what a candidate trains, once, so that what cannot be built is known before anything is trained."""
        feature = self._data.feature(recipe.feature)
        clips = load_clips(self._run.tracks, feature, resolve("cpu"))
        try:
            build_model(recipe, self._registry, clips.shape, len(clips.classes))
            build_augmentation(recipe, self._registry)
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
            sum(c.trials + len(self._experiment.final.seeds) for c in self._candidates),
            sum(c.done() for c in self._candidates),
            self._data.notes,
        )


class _Watched:
    """A training under way, as far as it has been told to the listeners."""

    def __init__(self, trial: TrialRef, folder: Path) -> None:
        self.trial, self.folder = trial, folder
        self.epochs = 0
        self.tries = 0


def _check_directory(experiment: Experiment, root: Path) -> None:
    """Refuse a directory that holds something else, or another experiment, and say what differs."""
    file = RunDirectory(root).experiment
    if not file.is_file():
        if root.exists() and not root.is_dir():
            raise InputError(f"{root}: is no folder")
        return
    there = tomllib.loads(file.read_text(encoding="utf-8"))
    differing = [f"{k}: {a!r} there, {b!r} here" for k, a, b in _differences(there, tables(experiment))]
    if differing:
        more = f" (and {len(differing) - 3} more)" if len(differing) > 3 else ""
        raise InputError(
            f"{root}: holds another experiment; {'; '.join(differing[:3])}{more}; "
            "use another --run-dir, or delete this one"
        )


def _differences(a: Any, b: Any, path: str = "") -> Sequence[tuple[str, Any, Any]]:
    """Return (path, value in a, value in b) for everything that differs and matters."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [k for k in {**a, **b} if path or k not in _MAY_DIFFER]
        return [d for k in keys for d in _differences(a.get(k), b.get(k), f"{path}.{k}" if path else k)]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in _differences(x, y, f"{path}[{i}]")]
    return [] if a == b else [(path, a, b)]
