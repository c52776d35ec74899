"""One training, from top to bottom: no trainer class, no callbacks to look for elsewhere.

Every random stream of an epoch is seeded from (seed, epoch). A training that goes on from its checkpoint therefore
draws the same numbers as one that was never interrupted, and the checkpoint needs no random states.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab.components import LearningRate
from genrelab.config.experiment import Train
from genrelab.data.clips import Clips
from genrelab.errors import WorkError
from genrelab.training.evaluate import evaluate
from genrelab.training.seeds import derive, generator
from genrelab.training.weights import load_checkpoint, save_checkpoint, save_weights


@attrs.frozen
class Schedule:
    """A learning-rate schedule and when it is told to go on."""

    rate: LearningRate
    when: str


@attrs.frozen
class Fit:
    """What a training has come to."""

    history: list[dict[str, Any]]
    """One record an epoch: epoch, train, validation, learning_rate, seconds, time."""
    best_epoch: int
    """From 1; its weights are in best.safetensors."""


def train(
    model: nn.Module,
    augment: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedules: Sequence[Schedule],
    clips: Clips,
    settings: Train,
    *,
    seed: int,
    directory: Path,
    on_epoch: Callable[[dict[str, Any]], None],
) -> Fit:
    """Train until the last epoch, or until the validation loss has not fallen for `patience` epochs.

    The weights of the epoch with the lowest validation loss are kept in ``best.safetensors``; ``checkpoint.pt`` is
    written after every epoch, and a training whose directory has one goes on from there.

    Raises:
        WorkError: the loss is not finite.
    """
    history: list[dict[str, Any]] = load_checkpoint(directory, model, optimizer, [s.rate for s in schedules])
    for record in history:
        on_epoch(record)
    best = _best(history)

    for epoch in range(len(history) + 1, settings.epochs + 1):
        if settings.patience and len(history) - best >= settings.patience:
            break
        started = time.perf_counter()
        learning_rate = optimizer.param_groups[0]["lr"]
        order = torch.randperm(clips.count("train"), generator=generator(seed, "order", epoch))
        torch.manual_seed(derive(seed, "noise", epoch))  # augmentation and dropout

        model.train()
        augment.train()
        total = torch.zeros((), device=clips.device)
        for x, y in clips.batches("train", settings.batch_size, order.numpy()):
            loss = F.cross_entropy(model(augment(x)), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            _step(schedules, "batch")
            total += loss.detach() * len(y)
        train_loss = _finite(total / len(order), "training", epoch)

        validation = evaluate(model, clips, "validation", settings.batch_size).scores
        _finite(validation["loss"], "validation", epoch)
        _step(schedules, "epoch")
        _step(schedules, "monitored", validation["loss"])

        history.append(
            {
                "epoch": epoch,
                "train": {"loss": train_loss},
                "validation": validation,
                "learning_rate": learning_rate,
                "seconds": time.perf_counter() - started,
                "time": time.time(),
            }
        )
        best = _best(history)
        if best == epoch:
            save_weights(directory, model)
        save_checkpoint(directory, model, optimizer, [s.rate for s in schedules], history)
        on_epoch(history[-1])
    return Fit(history, best)


def _best(history: Sequence[dict[str, Any]]) -> int:
    """Return the epoch with the lowest validation loss, the first of equals; 0 before the first."""
    losses = [record["validation"]["loss"] for record in history]
    return losses.index(min(losses)) + 1 if losses else 0


def _step(schedules: Sequence[Schedule], when: str, *monitored: float) -> None:
    for schedule in schedules:
        if schedule.when == when:
            schedule.rate.step(*monitored)


def _finite(loss: Tensor | float, what: str, epoch: int) -> float:
    value = float(loss)
    if not math.isfinite(value):
        raise WorkError(f"the {what} loss is {value} in epoch {epoch}; a lower learning rate may help")
    return value
