"""The run directory: the truth of a study. Everything in it is written so that a kill leaves it valid.

::

    runs/<study>/experiment.toml        the resolved experiment
                 environment.json       versions, machine, command
                 results.csv, .md       the table at the end
                 data/                  tracks.csv, quarantine.csv, one file for each feature
                 candidates/<name>/search.json
                                  /trials/000/  job.json metrics.jsonl checkpoint.pt best.safetensors result.json
                                  /final/seed-1/  the same, and predictions.npz
"""

from __future__ import annotations

from pathlib import Path

import attrs

from genrelab.events import TrialRef


@attrs.frozen
class RunDirectory:
    """Where the files of a study are."""

    root: Path

    @property
    def experiment(self) -> Path:
        """The resolved experiment."""
        return self.root / "experiment.toml"

    @property
    def data(self) -> Path:
        """Folder of tracks and features."""
        return self.root / "data"

    @property
    def tracks(self) -> Path:
        """The tracks of the study with their subsets."""
        return self.data / "tracks.csv"

    def candidate(self, name: str) -> Path:
        """Folder of a candidate."""
        return self.root / "candidates" / name

    def trial(self, trial: TrialRef) -> Path:
        """Folder of one training."""
        folder = self.candidate(trial.candidate)
        if trial.stage == "search":
            return folder / "trials" / f"{trial.number:03d}"
        return folder / "final" / f"seed-{trial.number}"
