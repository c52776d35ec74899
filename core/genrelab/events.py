"""Events that reporters receive: frozen, made of plain values, the same for every executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import time as now
from typing import Any, Literal

import attrs

Status = Literal["completed", "stopped", "failed", "diverged", "interrupted"]


@attrs.frozen
class TrialRef:
    """Names one training of a study."""

    study: str
    candidate: str
    stage: Literal["search", "selection", "final"]
    number: int
    """The trial's index in the search, the rank of a finalist (from 1), or the seed of a final run."""
    seed: int = 0
    """Of a finalist's training."""

    @property
    def name(self) -> str:
        """``cnn1d_gru/trial-003``, ``cnn1d_gru/finalist-1-seed-101`` or ``cnn1d_gru/seed-1``."""
        parts = {
            "search": f"trial-{self.number:03d}",
            "selection": f"finalist-{self.number}-seed-{self.seed}",
            "final": f"seed-{self.number}",
        }
        return f"{self.candidate}/{parts[self.stage]}"


@attrs.frozen
class Picture:
    """A picture of an exploration."""

    name: str
    """What it shows: ``genres``, ``example``, ``augmentation`` and so on."""
    number: int
    """Which of those of that name, from 0."""
    file: Path
    """PNG."""
    caption: str


@attrs.frozen
class Exploration:
    """A dataset was looked at; nothing is trained."""

    study: str
    """Name of the experiment whose dataset it is."""
    directory: Path
    """Where the page and the pictures are."""
    experiment: Mapping[str, Any]
    """The resolved experiment."""
    facts: Mapping[str, str]
    """Tracks, genres, hours and so on, in the order in which they are shown."""
    notes: Sequence[str]
    """What the user should know of the data."""
    pictures: Sequence[Picture]
    time: float = attrs.field(factory=now)
    """When: seconds since 1970, UTC."""


@attrs.frozen
class StudyStart:
    """The study begins, or goes on after an interruption."""

    study: str
    directory: Path
    """The run directory."""
    experiment: Mapping[str, Any]
    """The resolved experiment, as it is written to experiment.toml."""
    environment: Mapping[str, Any]
    candidates: Sequence[str]
    classes: Sequence[str]
    """Genres, in the order of class indices."""
    trials: int
    """Trainings in all, at the most: searches, trainings of finalists and final runs."""
    done: int = 0
    """Of these, already done before."""
    notes: Sequence[str] = ()
    """What the user should know of the data: quarantined clips, genres missing in a subset."""
    time: float = attrs.field(factory=now)
    """When: seconds since 1970, UTC."""


@attrs.frozen
class TrialStart:
    """A training begins."""

    trial: TrialRef
    directory: Path
    parameters: Mapping[str, bool | int | float | str]
    """What the search chose: ``model.dropout`` and so on; empty where nothing is searched."""
    recipe: Mapping[str, Any]
    """The resolved tables: feature, augment, model, scheduler, train."""
    epochs: int
    """Epochs at the most."""
    time: float = attrs.field(factory=now)
    """When: seconds since 1970, UTC."""


@attrs.frozen
class EpochEnd:
    """An epoch of a training has ended."""

    trial: TrialRef
    epoch: int
    """From 1."""
    metrics: Mapping[str, Mapping[str, float]]
    """Subset (train, validation) -> metric name -> value."""
    learning_rate: float
    seconds: float
    time: float
    """When it ended: seconds since 1970, UTC."""


@attrs.frozen
class TrialEnd:
    """A training has ended."""

    trial: TrialRef
    status: Status
    message: str = ""
    """Why it failed, in one line."""
    epochs: int = 0
    best_epoch: int = 0
    """From 1; the epoch whose weights are kept."""
    metrics: Mapping[str, Mapping[str, float]] = attrs.field(factory=dict)
    """Subset -> metric -> value at the best epoch; final runs have test as well."""
    confusion: Mapping[str, Sequence[Sequence[int]]] = attrs.field(factory=dict)
    """Subset -> counts (true genre, predicted genre)."""
    parameters: int = 0
    """Trainable parameters of the model."""
    seconds: float = 0.0
    objective: float | None = None
    """What the search was told, None where the trial gave no number."""
    time: float = attrs.field(factory=now)
    """When: seconds since 1970, UTC."""


@attrs.frozen
class StudyEnd:
    """The study has ended."""

    study: str
    directory: Path
    status: Status
    rows: Sequence[Mapping[str, Any]] = ()
    """The result table, a mapping a candidate: column -> value."""
    time: float = attrs.field(factory=now)
    """When: seconds since 1970, UTC."""


@attrs.frozen
class Compared:
    """The candidates of a study have been compared; what there is to look at lies in its run directory."""

    study: str
    directory: Path
    comparison: Mapping[str, Any]
    """What comparison.json holds."""
    time: float = attrs.field(factory=now)
    """When: seconds since 1970, UTC."""


@attrs.frozen
class DashboardStart:
    """A dashboard is about to be served."""

    folder: Path
    """The folder that holds the Aim repository."""
