"""One training, from top to bottom: no trainer class, no callbacks to look for elsewhere.

Every random stream is seeded from (seed, epoch) or (seed, epoch, step). A training that goes on from its checkpoint
therefore draws the same numbers as one that was never interrupted.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train
from genrelab.data.clips import Clips
from genrelab.errors import WorkError
from genrelab.training.evaluate import evaluate
from genrelab.training.losses import draw_order, make_loss
from genrelab.training.optimizers import make_average
from genrelab.training.precision import Precision
from genrelab.training.processes import ALONE, Processes
from genrelab.training.schedules import Schedule, tell
from genrelab.training.seeds import generator, seed_noise
from genrelab.training.step import Step
from genrelab.training.weights import Stateful, load_checkpoint, save_checkpoint, save_weights

End = Literal["done", "stopped", "time_limit", "interrupted"]


class DivergedError(WorkError):
    """The loss is no longer finite."""


@attrs.frozen
class Fit:
    """What a training has come to."""

    history: list[dict[str, Any]]
    """One record an epoch: epoch, train, validation, learning_rate, seconds (of these validation_seconds), time."""
    best_epoch: int
    """The one to keep, from 1; its weights are in best.safetensors; 0 where no epoch has ended."""
    end: End = "done"


@attrs.define
class _Epoch:
    """The epoch under way, as far as it has come."""

    total: Tensor
    """Sum of the losses of the clips that this process has seen, on the device."""
    learning_rate: float
    """At its start."""
    steps: int = 0
    seconds: float = 0.0


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
    on_resume: Callable[[float], None] = lambda _: None,
    interrupted: Callable[[], bool] = lambda: False,
    hopeless: Callable[[Sequence[dict[str, Any]]], bool] = lambda _: False,
    metadata: Mapping[str, str] | None = None,
    processes: Processes = ALONE,
    clock: Callable[[], float] = time.perf_counter,
) -> Fit:
    """Train until the last epoch, until no epoch has been better for `patience` epochs, or until interrupted.

    The weights of the epoch that is best in the monitored validation metric, or of the last if so set, are kept in
    ``best.safetensors``. ``checkpoint.pt`` is written after every epoch, within epochs as often as asked for, and
    on interruption; a training whose directory has one goes on from there.

    Args:
        model: on the clips' device.
        augment: (x, soft labels) -> the same, changed.
        optimizer: of the model's parameters.
        schedules: of the optimizer's learning rate.
        clips: to train and to validate with.
        settings: everything else that decides the result.
        seed: of every random stream.
        directory: where weights and checkpoint are.
        on_epoch: gets the record of every epoch, those before the checkpoint as well.
        on_resume: gets the seconds that the epochs of the checkpoint have taken, and the part of one under way.
        interrupted: asked after every step whether to stop.
        hopeless: asked after every epoch, with the records of all, whether to go no further.
        metadata: texts for the header of the weights.
        processes: that share this training; the first one writes.
        clock: whose seconds the time limit is about.

    Raises:
        DivergedError: the loss is not finite.
    """
    labels = clips.targets("train").cpu()
    counts = torch.bincount(labels, minlength=len(clips.classes)).to(clips.device)
    precision = Precision(settings, clips.device)
    shared = processes.share(model, clips.device)
    average = make_average(model, settings.ema_decay, clips.device)
    judged = average.module if average else model
    step = Step(shared, optimizer, schedules, average, make_loss(settings, counts), precision, settings, processes)
    parts: dict[str, Stateful] = {"model": model, "optimizer": optimizer, "scaler": precision.scaler}
    parts |= {f"rate {i}": s.rate for i, s in enumerate(schedules)} | ({"average": average} if average else {})

    progress = load_checkpoint(directory, parts)
    history: list[dict[str, Any]] = progress.get("history", [])
    save = functools.partial(_save, directory, parts, history, processes)
    for record in history:
        on_epoch(record)
    on_resume(sum(r["seconds"] for r in history) + progress.get("epoch", {}).get("seconds", 0.0))

    while not _is_over(history, settings) and not hopeless(history):
        number = len(history) + 1
        epoch = _Epoch(torch.zeros((), device=clips.device), optimizer.param_groups[0]["lr"])
        if "epoch" in progress:  # the checkpoint is from within this epoch
            epoch = _Epoch(**progress.pop("epoch"))
            epoch.total = epoch.total.to(clips.device) / processes.size

        model.train()
        augment.train()
        batches = _batches(augment, clips, labels, settings, seed, number, epoch.steps)
        spent = sum(r["seconds"] for r in history)
        end = _take_steps(step, batches, epoch, (seed, "dropout", number), spent, interrupted, save, clock)
        if end:
            return Fit(history, _kept(history, settings), end)
        stepped = clock()
        train_loss = _finite(processes.sum(epoch.total) / len(labels), "training", number)

        trained = clock()
        with precision.autocast():
            validation = evaluate(judged, clips, "validation", settings.clips_at_once, processes).scores
        judging = clock() - trained
        _finite(validation["loss"], "validation", number)
        tell(schedules, "epoch")
        tell(schedules, "monitored", validation["loss"])

        [rest] = processes.least(clock() - stepped)
        record = {"epoch": number, "train": {"loss": train_loss}, "validation": validation}
        record |= {"learning_rate": epoch.learning_rate, "seconds": epoch.seconds + rest}
        record |= {"validation_seconds": judging, "time": time.time()}
        history.append(record)
        if processes.main and _kept(history, settings) == number:
            save_weights(directory, judged, metadata or {})
        save()
        on_epoch(record)
    return Fit(history, _kept(history, settings), "done" if _is_over(history, settings) else "stopped")


def _batches(
    augment: nn.Module, clips: Clips, labels: Tensor, settings: Train, seed: int, epoch: int, first: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the augmented batches of an epoch, from one of them on, with soft labels; in all processes the same."""
    order = draw_order(labels, settings.sampling, generator(seed, "order", epoch)).numpy()
    starts = clips.random_starts(len(order), generator(seed, "window", epoch))
    for number, (x, y) in enumerate(clips.batches("train", settings.batch_size, order, starts, first), first):
        seed_noise(clips.device, seed, "augmentation", epoch, number)
        yield augment(x, F.one_hot(y, len(clips.classes)).float())


def _take_steps(
    step: Step,
    batches: Iterator[tuple[Tensor, Tensor]],
    epoch: _Epoch,
    seed: tuple[int, str, int],
    spent: float,
    interrupted: Callable[[], bool],
    save: Callable[[_Epoch], None],
    clock: Callable[[], float],
) -> End | None:
    """Take a step on each batch, with checkpoints as often as asked for; return what has ended the epoch early."""
    settings, processes = step.settings, step.processes
    before, saved = clock(), epoch.seconds
    for x, y in batches:
        seed_noise(x.device, *seed, epoch.steps, processes.rank)
        epoch.total += step(x, y)
        epoch.steps += 1
        # The others wait for one that is stopped: the least is what the step has taken.
        seconds, going_on = processes.least((now := clock()) - before, not interrupted())
        before, epoch.seconds = now, epoch.seconds + seconds
        stop = not going_on
        if stop or 0 < 60 * settings.checkpoint_minutes < epoch.seconds - saved:
            save(epoch)
            saved = epoch.seconds
        if stop:
            return "interrupted"
        if 0 < settings.time_limit < epoch.seconds + spent:
            return "time_limit"
    return None


def _save(
    directory: Path,
    parts: Mapping[str, Stateful],
    history: Sequence[dict[str, Any]],
    processes: Processes,
    epoch: _Epoch | None = None,
) -> None:
    """Write a checkpoint in the first process: after an epoch, or within the one that is under way."""
    progress: dict[str, Any] = {"history": history}
    if epoch:
        progress["epoch"] = attrs.asdict(attrs.evolve(epoch, total=processes.sum(epoch.total)))
    if processes.main:
        save_checkpoint(directory, parts, progress)


def _values(history: Sequence[dict[str, Any]], settings: Train) -> list[float]:
    """Return the monitored metric of each epoch, turned so that more is better."""
    sign = -1 if settings.monitor == "loss" else 1
    return [sign * record["validation"][settings.monitor] for record in history]


def _kept(history: Sequence[dict[str, Any]], settings: Train) -> int:
    """Return the epoch to keep: the best, the first of equals, or the last; 0 before the first."""
    if settings.keep == "last":
        return len(history)
    values = _values(history, settings)
    return values.index(max(values)) + 1 if values else 0


def _is_over(history: Sequence[dict[str, Any]], settings: Train) -> bool:
    """Tell whether all epochs are done, or the last `patience` no better, by `min_delta`, than those before."""
    best, waited = -math.inf, 0
    for value in _values(history, settings):
        better = value > best + settings.min_delta
        best, waited = (value, 0) if better else (best, waited + 1)
    return len(history) >= settings.epochs or 0 < settings.patience <= waited


def _finite(loss: Tensor | float, what: str, epoch: int) -> float:
    value = float(loss)
    if not math.isfinite(value):
        raise DivergedError(f"the {what} loss is {value} in epoch {epoch}; a lower learning rate may help")
    return value
