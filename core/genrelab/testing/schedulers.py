"""What every learning-rate schedule must do."""

from __future__ import annotations

import io
import math
from typing import Any

import torch

from genrelab.components import LearningRate, Scheduler, Steps
from genrelab.testing.checks import BrokenError, require, variations

RATE = 0.1
LENGTHS = tuple(Steps(per_epoch, epochs) for per_epoch in (1, 2, 10) for epochs in (1, 2, 3, 40))


def rates(scheduler: Scheduler, params: Any) -> None:
    """Rates are finite, never negative and not all 0, for trainings of any length."""
    for steps in LENGTHS:
        _require_rates(_Training(scheduler, params, steps).run(steps.epochs), steps)


def parameter_ends(scheduler: Scheduler, params: Any) -> None:
    """It works at both ends of the range of every parameter."""
    steps = Steps(3, 20)
    for text, changed in variations(params):
        _require_rates(_Training(scheduler, changed, steps).run(steps.epochs), steps, f" with {text}")


def state_round_trip(scheduler: Scheduler, params: Any) -> None:
    """A schedule that goes on from its saved state has the rates of one that was never interrupted."""
    steps = Steps(3, 20)
    undisturbed = _Training(scheduler, params, steps).run(20)
    stopped, resumed = _Training(scheduler, params, steps), _Training(scheduler, params, steps)
    found = stopped.run(7)
    file = io.BytesIO()
    torch.save([stopped.optimizer.state_dict(), stopped.schedule.state_dict()], file)
    file.seek(0)
    optimizer, schedule = torch.load(file, weights_only=True)  # as checkpoints are read
    resumed.optimizer.load_state_dict(optimizer)
    resumed.schedule.load_state_dict(schedule)
    fix = "put everything that decides the next rate into state_dict, as numbers, texts, lists and tensors"
    require(found + resumed.run(13) == undisturbed, "goes on with other rates from its state", fix)


def told_when_it_says(scheduler: Scheduler, params: Any) -> None:
    """It takes the calls that `when` announces: the validation loss only where that is "monitored"."""
    fix = 'set when= to "batch", "epoch" or "monitored", as step() is meant to be called'
    try:
        _Training(scheduler, params, Steps(2, 3)).run(3)
    except TypeError as error:
        what = f'step() does not take the calls of when="{scheduler.when}": {error}'
        raise BrokenError(what, fix) from error


CHECKS = (told_when_it_says, rates, parameter_ends, state_round_trip)


class _Training:
    """An optimizer with a schedule on it, gone on with as a training does."""

    def __init__(self, scheduler: Scheduler, params: Any, steps: Steps) -> None:
        self.when, self.steps = scheduler.when, steps
        self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
        self.schedule: LearningRate = scheduler.build(params, self.optimizer, steps)

    def run(self, epochs: int) -> list[float]:
        """Go on for some epochs whose validation loss stays the same; return the rate of each step."""
        found = []
        for _ in range(epochs):
            for _ in range(self.steps.per_epoch):
                found.append(float(self.optimizer.param_groups[0]["lr"]))
                self.optimizer.step()
                self._tell("batch")
            self._tell("epoch")
            self._tell("monitored", 1.0)
        return found

    def _tell(self, now: str, *monitored: float) -> None:
        if self.when == now:
            self.schedule.step(*monitored)


def _require_rates(found: list[float], steps: Steps, where: str = "") -> None:
    text = f"in a training of {steps.epochs} epochs of {steps.per_epoch} steps{where}"
    wrong = [rate for rate in found if not math.isfinite(rate) or rate < 0]
    require(not wrong, f"a rate of {wrong[:1]} {text}", "keep rates at 0 or above, and look for a division by zero")
    require(max(found) > 0, f"all rates are 0 {text}", "start from the optimizer's own rate")
