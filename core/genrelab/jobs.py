"""Jobs: what an executor runs. A job is a directory; everything goes in and comes out as files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

JOB_FILE, METRICS, RESULT = "job.json", "metrics.jsonl", "result.json"
"""In the directory of a job: what it is, one line an epoch, how it has ended."""
PREDICTIONS, TRACEBACK = "predictions.npz", "traceback.txt"
"""Beside them: what a final run makes of each track, and what nobody expected."""


@attrs.frozen
class Job:
    """One training to run: `genrelab.run_job(directory)` does it, in any process on any machine."""

    name: str
    """For people: ``cnn1d_gru/trial-003`` or ``cnn1d_gru/seed-1``."""
    directory: Path
    """Holds job.json; metrics.jsonl, result.json and weights are written there."""


@attrs.frozen
class JobEnd:
    """How a job left its executor."""

    job: Job
    state: Literal["ended", "lost", "refused"]
    """ended: result.json is there (success or failure); lost: its process died, for no fault of the job; refused:
    the machine cannot go on, `detail` says why; the study stops, and this job goes on with the next run."""
    detail: str = ""
