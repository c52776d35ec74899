"""Learning-rate schedules: built together on one optimizer, each told to go on when it asks for it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import attrs
import torch

from genrelab.components import LearningRate, Steps
from genrelab.config.experiment import Recipe
from genrelab.plugins.registry import Registry


@attrs.frozen
class Schedule:
    """A learning-rate schedule and when it is told to go on."""

    rate: LearningRate
    when: str


def build_schedules(
    recipe: Recipe, registry: Registry, optimizer: torch.optim.Optimizer, steps: Steps
) -> list[Schedule]:
    """Build the schedules of a recipe on an optimizer; they act together."""
    return [
        Schedule(
            registry.build("scheduler", c.name, c.params, optimizer, steps), registry.get("scheduler", c.name).when
        )
        for c in recipe.scheduler
    ]


def tell(schedules: Sequence[Schedule], when: str, *monitored: float) -> None:
    """Let those go on that want to be told now: ``batch``, ``epoch``, or ``monitored`` with the validation loss."""
    with warnings.catch_warnings():  # of no step before: it was taken before a checkpoint, or skipped by the scaler
        warnings.filterwarnings("ignore", "Detected call of", UserWarning)
        for schedule in schedules:
            if schedule.when == when:
                schedule.rate.step(*monitored)


def learning_rates(recipe: Recipe, registry: Registry, steps_per_epoch: int) -> list[float]:
    """Return the learning rate of every optimizer step that a recipe will take, without training.

    A schedule that follows the validation loss is drawn as if that fell in every epoch.
    """
    steps = Steps(per_epoch=steps_per_epoch, epochs=recipe.train.epochs)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], recipe.train.learning_rate)
    schedules = build_schedules(recipe, registry, optimizer, steps)
    rates = []
    for epoch in range(steps.epochs):
        for _ in range(steps.per_epoch):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            tell(schedules, "batch")
        tell(schedules, "epoch")
        tell(schedules, "monitored", -float(epoch))
    return rates
