"""A training that is due, and what has come of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.choices import tables
from genrelab.config.experiment import Recipe
from genrelab.config.search import Settings
from genrelab.events import TrialRef
from genrelab.files import read_json
from genrelab.training.job import RESULT
from genrelab.training.stop import Stop


@attrs.frozen
class Training:
    """Which training it is, and what its job file says."""

    trial: TrialRef
    directory: Path
    settings: Settings
    recipe: Recipe
    seed: int
    stop: Stop | None = None

    @property
    def is_there(self) -> bool:
        """Whether its directory holds this training, begun or ended.

        More trials may change who the finalists are; then it holds another one.
        """
        file = self.directory / "job.json"
        return file.is_file() and read_json(file)["recipe"] == json.loads(json.dumps(tables(self.recipe)))


class Results:
    """Results of trainings, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, Any]] = {}

    def of(self, training: Training) -> dict[str, Any] | None:
        """Return the result of a training, None where it has none."""
        file = training.directory / RESULT
        if training.directory not in self._known and file.is_file() and training.is_there:
            self._known[training.directory] = read_json(file)
        return self._known.get(training.directory)
