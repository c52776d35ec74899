"""What a report tells of: everything that lies in a run directory, finished or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from genrelab.compare.comparison import compare
from genrelab.compare.read import Finals, Runs, read_runs
from genrelab.compare.tables import MANY
from genrelab.compare.words import DECIDES
from genrelab.data.tracks import Tracks, read_tracks
from genrelab.errors import DamagedError, InputError
from genrelab.events import TrialRef
from genrelab.files import read_json, read_lines
from genrelab.jobs import JOB_FILE, METRICS, RESULT
from genrelab.params import Scalar
from genrelab.study.rundir import RunDirectory


@attrs.frozen
class Training:
    """A training as far as it has come."""

    folder: Path
    number: int
    """Index of a trial, seed of a final run."""
    epochs: Sequence[Mapping[str, Any]]
    """What metrics.jsonl holds, one record an epoch."""
    result: Mapping[str, Any] | None
    """What result.json holds; None before the end."""

    @property
    def completed(self) -> bool:
        """Whether it has come to an end, and that a good one."""
        return self.result is not None and self.result["status"] == "completed"

    def confusion(self) -> NDArray[np.int64]:
        """Return the counts (true genre, predicted genre) on the test set of a completed final run."""
        if self.result is None:
            raise ValueError("has not ended")
        return np.array(self.result["confusion"]["test"], np.int64)


@attrs.frozen
class Contender:
    """A candidate and what it has done."""

    name: str
    number: int
    """By which it is coloured: its place in the experiment; its rank, where there are more than `MANY`."""
    tables: Mapping[str, Any]
    """Its own tables: what it replaces in the experiment."""
    space: Mapping[str, Mapping[str, Any]]
    """What is searched: name of a parameter -> its dimension, as in the experiment."""
    trials: Sequence[Training]
    """One for each proposal of the search; those that have not begun have neither epochs nor result."""
    proposals: Sequence[Mapping[str, Scalar]]
    finals: Sequence[Training]
    """One for each seed of the experiment."""
    analysis: Mapping[str, Any]
    """What analysis.json holds; empty before the end of the search."""

    @property
    def leads(self) -> bool:
        """Whether it is shown where there is no room for more than `MANY`."""
        return self.number < MANY

    @property
    def completed(self) -> list[Training]:
        """Final runs that are completed."""
        return [t for t in self.finals if t.completed]

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The tables that the first final run was trained with; empty before it begins."""
        found: Mapping[str, Any] = self._job.get("recipe", {})
        return found

    @property
    def chosen(self) -> dict[str, Scalar]:
        """What the search chose: name of a parameter -> its value in the final runs; empty before they begin."""
        found: dict[str, Scalar] = self._job.get("settings", {})
        return found

    @property
    def _job(self) -> dict[str, Any]:
        jobs = [t.folder / JOB_FILE for t in self.finals]
        return next((_json(job) for job in jobs if job.is_file()), {})

    @property
    def representative(self) -> Training | None:
        """The completed final run that is best on validation: chosen without a look at the test set."""
        losses = [(t.result["metrics"]["validation"]["loss"], t) for t in self.completed if t.result]
        return min(losses, key=lambda pair: pair[0])[1] if losses else None


@attrs.frozen
class Study:
    """A run directory, read."""

    root: Path
    experiment: Mapping[str, Any]
    environment: Mapping[str, Any]
    tracks: Tracks | None
    """None before the data is prepared."""
    contenders: Sequence[Contender]
    runs: Runs | None
    """What the final runs made of the test set; None where none is completed."""
    comparison: Mapping[str, Any]
    """What `genrelab compare` finds; empty where no final run is completed."""
    times: Mapping[str, float]
    """Where the time has gone; empty where that was not kept."""

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return str(self.experiment["name"])

    @property
    def selected(self) -> str:
        """What a caption adds where only those are shown that lead."""
        count = len(self.contenders)
        return f" Shown are the {MANY} of {count} candidates with the highest F1-macro." if count > MANY else ""

    @property
    def judged(self) -> list[Contender]:
        """Candidates with completed final runs."""
        return [c for c in self.contenders if c.name in self.comparison.get("candidates", {})]

    def finals(self, contender: Contender) -> Finals:
        """Return what a judged candidate made of the test set."""
        found = self.runs.finals if self.runs else ()
        return next(f for f in found if f.name == contender.name)

    def score(self, contender: Contender) -> float:
        """Return the mean F1-macro of a judged candidate."""
        return float(self.comparison["candidates"][contender.name]["scores"][DECIDES]["mean"])

    @property
    def best(self) -> Contender | None:
        """The judged candidate with the highest F1-macro."""
        return max(self.judged, key=self.score, default=None)


def read_study(root: Path, *, resamples: int, seed: int) -> Study:
    """Read a run directory and compare its candidates.

    Args:
        root: as `genrelab run` writes it.
        resamples: of the comparison.
        seed: of the resamples.

    Raises:
        InputError: no run directory, or files in it that cannot be read or do not fit together.
    """
    run = RunDirectory(root)
    if not run.experiment.is_file():
        raise InputError(f"{root}: is no run directory (no experiment.toml)")
    try:
        experiment = run.read()
        contenders = [_contender(run, experiment, i) for i in range(len(experiment["candidate"]))]
        environment, times = _json(root / "environment.json"), _json(run.times)
        tracks = read_tracks(run.tracks) if run.tracks.is_file() else None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{root}: cannot be read: {error!r}") from error
    runs = read_runs([root]) if tracks and any(c.completed for c in contenders) else None
    found = compare(runs, resamples=resamples, seed=seed) if runs else {}
    return Study(root, experiment, environment, tracks, _numbered(contenders, found), runs, found, times)


def _numbered(contenders: Sequence[Contender], comparison: Mapping[str, Any]) -> list[Contender]:
    """Number many candidates by rank: the best have colours that differ."""
    if len(contenders) <= MANY:
        return [*contenders]
    judged = comparison.get("candidates", {})
    score = {name: float(found["scores"][DECIDES]["mean"]) for name, found in judged.items()}
    ranked = sorted((c.name for c in contenders), key=lambda name: score.get(name, -1.0), reverse=True)
    return [attrs.evolve(c, number=ranked.index(c.name)) for c in contenders]


def _contender(run: RunDirectory, experiment: Mapping[str, Any], number: int) -> Contender:
    candidate = experiment["candidate"][number]
    name = candidate["name"]
    proposals = _json(run.search(name)).get("proposals", [])
    space = {**experiment.get("search", {}).get("space", {}), **candidate.get("space", {})}

    def training(stage: Any, number: int) -> Training:
        at = run.trial(TrialRef(experiment["name"], name, stage, number))
        result = _json(at / RESULT) or None  # first: a training may go on meanwhile
        epochs = [*read_lines(at / METRICS)]
        if result and len(epochs) < result.get("epochs", 0):
            raise DamagedError(f"{at / METRICS}: holds {len(epochs)} of {result['epochs']} epochs")
        return Training(at, number, epochs, result)

    return Contender(
        name,
        number,
        {k: v for k, v in candidate.items() if k not in ("name", "space") and v not in (None, {}, [])},
        space,
        [training("search", i) for i in range(len(proposals))],
        proposals,
        [training("final", seed) for seed in experiment["final"]["seeds"]],
        _json(run.analysis(name)),
    )


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(file) if file.is_file() else {}
    return found


def missing(study: Study) -> list[str]:
    """Say what an unfinished study lacks, one line a candidate."""
    lines = []
    for c in study.contenders:
        wanted = study.experiment.get("search", {}).get("trials", 0) if c.space else 0
        ended = sum(t.result is not None for t in c.trials)
        parts = [f"{ended} of {wanted} trials have ended"] if ended < wanted and not c.completed else []
        if len(c.completed) < len(c.finals):
            parts.append(f"{len(c.completed)} of {len(c.finals)} final runs are completed")
        failed = [t.result["message"] for t in c.finals if t.result and not t.completed]
        if parts:
            lines.append(f"{c.name}: {', '.join([*parts, *failed[-1:]])}")
    return lines
