"""The run directory: the truth of a study. Everything in it is written so that a kill leaves it valid.

::

    runs/<study>/experiment.toml        the resolved experiment
                 environment.json       versions, machine, command
                 state.json             who runs it, or how that has ended
                 times.json             where the time has gone, of all runs of the study
                 results.csv, .md       the table at the end
                 data/                  tracks.csv, quarantine.csv, one file for each feature
                 candidates/<name>/search.json  proposals, and what Ax knows
                                  /warm.json  trials of earlier runs that the search starts from
                                  /analysis.json  what the search has found out
                                  /trials/000/  job.json metrics.jsonl checkpoint.pt best.safetensors result.json
                                  /selection/1-seed-101/  the same, of the best setting of the search
                                  /final/seed-1/  the same, and predictions.npz
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.search import Search
from genrelab.errors import InputError
from genrelab.events import TrialRef
from genrelab.texts import SAFE_NAME


@attrs.frozen
class RunDirectory:
    """Where the files of a study are."""

    root: Path

    @property
    def experiment(self) -> Path:
        """The resolved experiment."""
        return self.root / "experiment.toml"

    @property
    def state(self) -> Path:
        """Who runs the study, or how that has ended."""
        return self.root / "state.json"

    @property
    def times(self) -> Path:
        """Where the time has gone."""
        return self.root / "times.json"

    @property
    def data(self) -> Path:
        """Folder of tracks and features."""
        return self.root / "data"

    @property
    def tracks(self) -> Path:
        """The tracks of the study with their subsets."""
        return self.data / "tracks.csv"

    def read(self) -> dict[str, Any]:
        """Return the tables of the resolved experiment.

        Raises:
            InputError: it cannot be read, or lacks what it was written with.
        """
        try:
            found = tomllib.loads(self.experiment.read_text(encoding="utf-8"))
            names = {candidate["name"] for candidate in found["candidate"]}
            unsafe = [n for n in (found["name"], *names) if not SAFE_NAME.fullmatch(n)]
            lost = [path for path in self.root.glob("candidates/*") if path.is_dir() and path.name not in names]
        except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
            raise InputError(f"{self.experiment}: cannot be read: {error!r}") from error
        if unsafe:
            raise InputError(f"{self.experiment}: {unsafe[0]!r} is no name of an experiment or a candidate")
        if lost:
            raise InputError(f"{self.experiment}: is damaged: it lacks the candidate of {lost[0]}")
        return found

    def candidate(self, name: str) -> Path:
        """Folder of a candidate."""
        return self.root / "candidates" / name

    def search(self, name: str) -> Path:
        """What a candidate's search has proposed."""
        return self.candidate(name) / "search.json"

    def warm(self, name: str) -> Path:
        """What a candidate's search knows from earlier runs."""
        return self.candidate(name) / "warm.json"

    def analysis(self, name: str) -> Path:
        """What a candidate's search has found out."""
        return self.candidate(name) / "analysis.json"

    def trial(self, trial: TrialRef) -> Path:
        """Folder of one training."""
        folder = self.candidate(trial.candidate)
        if trial.stage == "search":
            return folder / "trials" / f"{trial.number:03d}"
        if trial.stage == "selection":
            return folder / "selection" / f"{trial.number}-seed-{trial.seed}"
        return folder / "final" / f"seed-{trial.number}"


def earlier_runs(search: Search) -> Sequence[RunDirectory]:
    """Return the runs whose trials a search knows from the start.

    Raises:
        InputError: a directory is no run.
    """
    runs = [RunDirectory(Path(text)) for text in search.warm_start]
    missing = [str(run.root) for run in runs if not run.experiment.is_file()]
    if missing:
        raise InputError(f"search.warm_start: {', '.join(missing)}: no run directory there")
    return runs
