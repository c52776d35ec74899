"""Tell a study again from its run directory: the events that its reporters were told, with their true times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from genrelab.csv_files import read_csv
from genrelab.data.tracks import read_tracks
from genrelab.errors import InputError
from genrelab.events import Compared, EpochEnd, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab.files import read_json, read_lines
from genrelab.jobs import JOB_FILE, METRICS, RESULT
from genrelab.study.outcomes import value_of
from genrelab.study.rundir import RunDirectory
from genrelab.study.told import epoch_end, trial_end

Event = StudyStart | TrialStart | EpochEnd | TrialEnd | StudyEnd | Compared
_TEXTS = ("candidate", "settings", "message")  # columns of results.csv; the others are numbers


@attrs.frozen
class _Training:
    """What the folder of a training holds."""

    trial: TrialRef
    folder: Path
    job: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...]
    result: Mapping[str, Any]

    @property
    def began(self) -> float:
        """When, as far as its first epoch tells; one that failed before is as old as its job file."""
        if not self.epochs:
            return (self.folder / JOB_FILE).stat().st_mtime
        return float(self.epochs[0]["time"] - self.epochs[0]["seconds"])

    @property
    def ended(self) -> float:
        """When its last epoch ended: unlike the time of a file, that survives a copy."""
        return float(self.epochs[-1]["time"]) if self.epochs else self.began + self.result.get("seconds", 0.0)


def replay(root: Path) -> Iterator[Event]:
    """Yield the events of a study in their order; a training or study without a result is told as interrupted.

    Raises:
        InputError: no run directory, or files in it that cannot be read.
    """
    run = RunDirectory(root)
    if not run.experiment.is_file() or not run.tracks.is_file():
        raise InputError(f"{root}: is no run directory (no experiment.toml with data/tracks.csv)")
    try:
        yield from _events(run)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{root}: cannot be read: {type(error).__name__}: {error}") from error


def _events(run: RunDirectory) -> Iterator[Event]:
    experiment = run.read()
    trainings = sorted(_trainings(run, experiment), key=lambda t: t.began)
    began = min((t.began for t in trainings), default=run.experiment.stat().st_mtime)
    yield _start(run, experiment, len(trainings), began)
    for training in trainings:
        yield from _told(training, experiment)
    yield _end(run, experiment["name"], max((t.ended for t in trainings), default=began))
    if (file := run.root / "comparison.json").is_file():
        yield Compared(experiment["name"], run.root, read_json(file), file.stat().st_mtime)


def _start(run: RunDirectory, experiment: Mapping[str, Any], trainings: int, began: float) -> StudyStart:
    environment, notes, leaks = run.root / "environment.json", run.data / "notes.json", run.data / "leaks.json"
    said = [*_json(notes, []), _json(leaks, {}).get("note")]
    return StudyStart(
        experiment["name"],
        run.root,
        experiment,
        _json(environment, {}),
        [c["name"] for c in experiment["candidate"]],
        read_tracks(run.tracks).classes,
        trainings,
        notes=[note for note in said if note],
        time=began,
    )


def _told(training: _Training, experiment: Mapping[str, Any]) -> Iterator[Event]:
    trial, result = training.trial, training.result
    yield TrialStart(
        trial,
        training.folder,
        training.job["settings"],
        training.job["recipe"],
        training.job["recipe"]["train"]["epochs"],
        training.began,
    )
    for record in training.epochs:
        yield epoch_end(trial, record)
    objective = _objective(result, experiment["search"])
    yield trial_end(trial, result, len(training.epochs), objective, training.ended)


def _end(run: RunDirectory, study: str, ended: float) -> StudyEnd:
    file = run.root / "results.csv"
    if not file.is_file():
        return StudyEnd(study, run.root, "interrupted", time=ended)
    rows = [{k: v if k in _TEXTS else _number(v) for k, v in row.items()} for row in read_csv(file)]
    status: Any = "completed" if any(row["seeds"] for row in rows) else "failed"
    return StudyEnd(study, run.root, status, rows, ended)


def _trainings(run: RunDirectory, experiment: Mapping[str, Any]) -> Iterator[_Training]:
    for candidate in experiment["candidate"]:
        for job in sorted(run.candidate(candidate["name"]).glob(f"*/*/{JOB_FILE}")):
            trial = _ref(experiment["name"], candidate["name"], job.parent)
            epochs, result = tuple(read_lines(job.parent / METRICS)), _json(job.parent / RESULT, {})
            yield _Training(trial, job.parent, read_json(job), epochs, result)


def _ref(study: str, candidate: str, folder: Path) -> TrialRef:
    """Return which training a folder belongs to: what `RunDirectory.trial` tells, the other way round."""
    if folder.parent.name == "trials":
        return TrialRef(study, candidate, "search", int(folder.name))
    if folder.parent.name == "selection":
        rank, _, seed = folder.name.partition("-seed-")
        return TrialRef(study, candidate, "selection", int(rank), int(seed))
    return TrialRef(study, candidate, "final", int(folder.name.removeprefix("seed-")))


def _objective(result: Mapping[str, Any], search: Mapping[str, Any]) -> float | None:
    if result.get("status") != "completed":
        return None
    value = value_of(result, search["metric"], search.get("at", "best"))
    return value if math.isfinite(value) else None


def _number(text: str) -> int | float | None:
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _json(file: Path, missing: Any) -> Any:
    return read_json(file) if file.is_file() else missing
