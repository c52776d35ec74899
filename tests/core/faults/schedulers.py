"""Schedulers with one fault each, and one without."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from genrelab import Scheduler
from tests.core.faults import Fault, Params


def schedule(rate: Callable[[int], float], **kwargs: Any) -> Scheduler:
    def build(params: Any, optimizer: Any, steps: Any) -> Any:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, rate)

    return Scheduler("fault", Params, build, **kwargs)


class Forgetful:
    """A schedule whose state is not in its state dict."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.count = optimizer, 0

    def step(self) -> None:
        self.count += 1
        self.optimizer.param_groups[0]["lr"] = 1 / self.count

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


FAULTS: list[Fault] = [
    ("rates", schedule(lambda epoch: 1 - epoch), "a rate of [-0.1] in a training of 3 epochs of 1 steps"),
    ("rates", schedule(lambda epoch: math.nan), "a rate of [nan]"),
    ("told_when_it_says", Scheduler("fault", Params, lambda p, o, s: Forgetful(o), "monitored"), "positional"),
    ("state_round_trip", Scheduler("fault", Params, lambda p, o, s: Forgetful(o)), "other rates from its state"),
]
GOOD = schedule(lambda epoch: 0.5**epoch)
