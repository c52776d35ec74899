"""How far studies have come, and how a training went: read from run directories, whoever runs them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.search import maximize
from genrelab.errors import InputError
from genrelab.files import read_json, recall_json
from genrelab.jobs import JOB_FILE, RESULT
from genrelab.study.rundir import RunDirectory

STAGES = {"trials": "search", "selection": "finalists", "final": "final runs"}


@attrs.frozen
class TrainingStatus:
    """One training, as its folder tells."""

    folder: Path
    settings: Mapping[str, Any]
    result: Mapping[str, Any]
    """{} where it has not ended."""

    @property
    def status(self) -> str:
        """How it has ended, ``begun`` where it has not."""
        return str(self.result.get("status", "begun"))

    def value(self, metric: str) -> float | None:
        """Return what it came to: a validation metric or a cost."""
        found = self.result.get(metric, self.result.get("metrics", {}).get("validation", {}).get(metric))
        return float(found) if self.status in ("completed", "stopped") and found is not None else None


@attrs.frozen
class RunStatus:
    """One study, as its run directory tells."""

    root: Path
    metric: str
    """What its search looks for."""
    state: str
    """running, completed, failed, interrupted; killed: its process is gone without a word."""
    updated: float
    """When it began or ended, seconds since 1970."""
    candidates: Mapping[str, Mapping[str, list[TrainingStatus]]]
    """Name -> stage (`STAGES`) -> trainings."""
    times: Mapping[str, float]
    """Where the time has gone, as `Times.total` gives it; {} where that is not known yet."""

    @property
    def done(self) -> int:
        """How many trainings have ended."""
        return sum(bool(t.result) for stages in self.candidates.values() for ts in stages.values() for t in ts)

    def best(self, candidate: str) -> float | None:
        """Return the best value of the metric that a trial of a candidate has completed with."""
        values = [t.value(self.metric) for t in self.candidates[candidate]["trials"] if t.status == "completed"]
        known = [v for v in values if v is not None]
        return (max if maximize(self.metric) else min)(known) if known else None


def find_runs(folder: Path) -> Iterator[Path]:
    """Yield the run directories in a folder, or the folder itself where it is one, by name."""
    if RunDirectory(folder).experiment.is_file():
        yield folder
    elif folder.is_dir():
        yield from (f.parent for f in sorted(folder.glob("*/experiment.toml")))


def read_run(root: Path) -> RunStatus:
    """Read a run directory.

    Raises:
        InputError: it is none, or its experiment.toml cannot be read.
        DamagedError: what a training has left cannot be read.
    """
    run = RunDirectory(root)
    try:
        experiment = run.read()
        metric = experiment["search"]["metric"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{run.experiment}: cannot be read: {error!r}") from error
    names = [candidate["name"] for candidate in experiment["candidate"]]
    candidates = {n: {s: list(_trainings(run.candidate(n) / s)) for s in STAGES} for n in names}
    times = read_json(run.times) if run.times.is_file() else {}
    return RunStatus(root, metric, *_state(run), candidates, times)


def read_training(folder: Path) -> TrainingStatus:
    """Read the folder of a training."""
    job, result = folder / JOB_FILE, folder / RESULT
    settings = read_json(job).get("settings", {}) if job.is_file() else {}
    return TrainingStatus(folder, settings, read_json(result) if result.is_file() else {})


def _trainings(folder: Path) -> Iterator[TrainingStatus]:
    yield from (read_training(f.parent) for f in sorted(folder.glob(f"*/{JOB_FILE}")))


def _state(run: RunDirectory) -> tuple[str, float]:
    told = recall_json(run.state)
    if told is None:
        return "unknown", run.experiment.stat().st_mtime
    state = told["state"]
    if state == "running" and told["machine"] == platform.node() and not _lives(told["pid"]):
        state = "killed"
    return state, told.get("ended", told["since"])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def age(since: float) -> str:
    """Return how long ago something was: ``3 min``, ``5 h``, ``2 d``."""
    seconds = max(0.0, time.time() - since)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
