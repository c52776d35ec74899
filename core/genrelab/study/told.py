"""What reporters are told of a training, from the files in its folder: while it runs, and when it is told again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genrelab.events import EpochEnd, TrialEnd, TrialRef


def epoch_end(trial: TrialRef, record: Mapping[str, Any]) -> EpochEnd:
    """Return the end of an epoch, from its line in metrics.jsonl."""
    metrics = {subset: record[subset] for subset in ("train", "validation")}
    return EpochEnd(trial, record["epoch"], metrics, record["learning_rate"], record["seconds"], record["time"])


def trial_end(
    trial: TrialRef, result: Mapping[str, Any], epochs: int, objective: float | None, time: float
) -> TrialEnd:
    """Return the end of a training.

    Args:
        trial: which training.
        result: what result.json holds; empty for one that was interrupted.
        epochs: that it has told of.
        objective: what the search was told.
        time: when it was: seconds since 1970, UTC.
    """
    return TrialEnd(
        trial,
        result.get("status", "interrupted"),
        result.get("message", ""),
        result.get("epochs", epochs),
        result.get("best_epoch", 0),
        result.get("metrics", {}),
        result.get("confusion", {}),
        result.get("parameters", 0),
        result.get("seconds", 0.0),
        objective,
        time,
    )
