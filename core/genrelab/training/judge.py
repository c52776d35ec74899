"""What a training has come to: the scores of the weights that were kept, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from genrelab.components import SUBSETS, Subset
from genrelab.config.experiment import Train
from genrelab.data.clips import Clips
from genrelab.files import write_arrays
from genrelab.jobs import PREDICTIONS
from genrelab.training.evaluate import Evaluation, evaluate
from genrelab.training.metrics import per_genre
from genrelab.training.precision import Precision
from genrelab.training.processes import Processes
from genrelab.training.train import Fit
from genrelab.training.weights import load_weights


def judge(
    directory: Path,
    model: nn.Module,
    clips: Clips,
    settings: Train,
    fit: Fit,
    processes: Processes,
    clock: Callable[[], float],
    *,
    test: bool,
) -> dict[str, Any]:
    """Score the weights that were kept, on validation and, in a final run, on test, whose predictions are written.

    Args:
        directory: of the job.
        model: of any weights; it gets those that were kept.
        clips: of its study.
        settings: of its training.
        fit: what that has come to.
        processes: that share it.
        clock: for what is measured.
        test: whether this is a final run.

    Returns:
        What ``result.json`` tells of a training that has ended.
    """
    processes.wait()  # until the first one has written them
    load_weights(directory, model)
    subsets = [s for s in SUBSETS if s != "train" and (test or s != "test")]
    started = clock()
    with Precision(settings, clips.device).autocast():
        found: dict[Subset, Evaluation] = {
            s: evaluate(model, clips, s, settings.clips_at_once, processes) for s in subsets
        }
    seconds = clock() - started
    if test and processes.main:
        _save_predictions(directory / PREDICTIONS, found, clips)
    limit = f"train.time_limit of {settings.time_limit:g} s reached after {len(fit.history)} epochs"
    return {
        "status": "stopped" if fit.end == "stopped" else "completed",
        "message": limit if fit.end == "time_limit" else "",
        "epochs": len(fit.history),
        "epochs_at_most": settings.epochs,
        "best_epoch": fit.best_epoch,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "clips_per_second": sum(map(clips.count, subsets)) / seconds,
        "epoch_seconds": float(np.mean([r["seconds"] for r in fit.history])),
        "judging_seconds": seconds,
        "metrics": {s: e.scores for s, e in found.items()},
        "last": fit.history[-1]["validation"],
        "confusion": {s: e.confusion.tolist() for s, e in found.items()},
        "genres": {s: per_genre(e.confusion, clips.classes) for s, e in found.items()},
    }


def _save_predictions(file: Path, found: Mapping[Subset, Evaluation], clips: Clips) -> None:
    """Keep what the model makes of each track, in the order of tracks.csv: test, and validation for calibration."""
    arrays = {
        "probabilities": found["test"].probabilities,
        "true": clips.targets("test").cpu().numpy(),
        "validation_probabilities": found["validation"].probabilities,
        "validation_true": clips.targets("validation").cpu().numpy(),
    }
    write_arrays(file, arrays)
