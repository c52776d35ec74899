"""Run a job: one training described by ``job.json`` in a folder, whose result is written beside it.

This is all that an executor has to call, in whatever process on whatever machine.
"""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import nn

from genrelab.components import SUBSETS, Steps
from genrelab.config.choices import structure
from genrelab.config.experiment import Recipe
from genrelab.data.prepare import load_clips
from genrelab.errors import GenrelabError
from genrelab.files import append_line, read_json, write_json
from genrelab.plugins.registry import Registry
from genrelab.training.augment import Chain
from genrelab.training.device import resolve, use_one_thread
from genrelab.training.evaluate import Evaluation, evaluate
from genrelab.training.metrics import per_genre
from genrelab.training.seeds import derive
from genrelab.training.train import Schedule, train
from genrelab.training.weights import load_weights

METRICS, RESULT, PREDICTIONS = "metrics.jsonl", "result.json", "predictions.npz"


@attrs.frozen
class JobFile:
    """What ``job.json`` holds."""

    name: str
    recipe: Recipe
    seed: int
    """From which every random stream of this training is derived."""
    device: str
    tracks: str
    """tracks.csv of the study, relative to the job's folder."""
    feature: str
    """The prepared feature, relative to the job's folder."""
    test: bool
    """Whether the best weights are tested; only final runs are."""


def run_job(directory: Path) -> None:
    """Train as ``job.json`` says, or go on from the checkpoint; write ``result.json`` whatever happens.

    A failure of the training is a result too: status ``failed`` with a message, and the traceback in
    ``traceback.txt``.
    """
    started = time.perf_counter()
    use_one_thread()
    try:
        result = {"status": "completed", "message": "", **_run(directory)}
    except GenrelabError as error:
        result = {"status": "failed", "message": str(error)}
    except Exception as error:
        (directory / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        lines = str(error).splitlines() or [""]
        result = {"status": "failed", "message": f"{type(error).__name__}: {lines[0]}"}
    result["seconds"] = time.perf_counter() - started
    write_json(directory / RESULT, result)


def _run(directory: Path) -> dict[str, Any]:
    raw = read_json(directory / "job.json")
    registry = Registry.discover([Path(p) for p in raw["registry"]["plugins"]], Path(raw["registry"]["start"]))
    job = structure({k: v for k, v in raw.items() if k != "registry"}, JobFile, registry, str(directory))
    recipe, device = job.recipe, resolve(job.device)
    clips = load_clips(directory / job.tracks, directory / job.feature, device)

    torch.manual_seed(derive(job.seed, "init"))
    model = build_model(recipe, registry, clips.shape, len(clips.classes)).to(device)
    settings = recipe.train
    optimizer = torch.optim.Adam(  # fused: one pass over the weights, on the CPU as well
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    steps = Steps(per_epoch=-(-clips.count("train") // recipe.train.batch_size), epochs=recipe.train.epochs)
    schedules = []
    for choice in recipe.scheduler:
        scheduler = registry.get("scheduler", choice.name)
        schedules.append(Schedule(scheduler.build(choice.params, optimizer, steps), scheduler.when))

    (directory / METRICS).unlink(missing_ok=True)  # what the checkpoint knows is written again
    fit = train(
        model,
        build_augmentation(recipe, registry).to(device),
        optimizer,
        schedules,
        clips,
        recipe.train,
        seed=job.seed,
        directory=directory,
        on_epoch=lambda record: append_line(directory / METRICS, record),
    )
    load_weights(directory, model)
    subsets = [s for s in SUBSETS if s != "train" and (job.test or s != "test")]
    found = {s: evaluate(model, clips, s, recipe.train.batch_size) for s in subsets}
    if job.test:
        _save_predictions(directory / PREDICTIONS, found["test"], clips.targets("test").cpu().numpy())
    return {
        "epochs": len(fit.history),
        "best_epoch": fit.best_epoch,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "epoch_seconds": float(np.mean([r["seconds"] for r in fit.history])),
        "metrics": {s: e.scores for s, e in found.items()},
        "confusion": {s: e.confusion.tolist() for s, e in found.items()},
        "genres": {s: per_genre(e.confusion, clips.classes) for s, e in found.items()},
    }


def build_model(recipe: Recipe, registry: Registry, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the model of a recipe for features of (bins, frames)."""
    model: nn.Module = registry.get("model", recipe.model.name).build(recipe.model.params, shape, classes)
    return model


def build_augmentation(recipe: Recipe, registry: Registry) -> Chain:
    """Build the chain of augmentations of a recipe."""
    links = [(registry.get("augmentation", c.name).build(c.params), c.probability) for c in recipe.augment]
    return Chain(links, recipe.train.augment_probability)


def _save_predictions(file: Path, evaluation: Evaluation, true: Any) -> None:
    """Keep what the model makes of each test track, in the order of tracks.csv."""
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as out:
        np.savez(out, probabilities=evaluation.probabilities, true=true)
    part.replace(file)
