"""A training that is due, and what has come of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.choices import tables
from genrelab.config.experiment import Recipe
from genrelab.config.search import Settings
from genrelab.errors import DamagedError
from genrelab.events import TrialRef
from genrelab.files import read_json, recall_json, tell_made_again
from genrelab.jobs import JOB_FILE, RESULT
from genrelab.training.stop import Stop
from genrelab.training.whole import check_whole


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
        job = recall_json(self.directory / JOB_FILE)
        return job is not None and job["recipe"] == json.loads(json.dumps(tables(self.recipe)))


class Results:
    """Results of trainings, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, Any]] = {}

    def of(self, training: Training) -> dict[str, Any] | None:
        """Return the result of a training, None where it has none, or has lost what belongs to it.

        Then the result is deleted, so that the training is run again, from its checkpoint where that is left.
        """
        file = training.directory / RESULT
        if training.directory not in self._known and file.is_file() and training.is_there:
            try:
                result = read_json(file)
                check_whole(training.directory, result)
                self._known[training.directory] = result
            except DamagedError as error:
                tell_made_again(error)
                file.unlink()
        return self._known.get(training.directory)
