"""A learning rate that rises in a line, then falls along half a cosine.

Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017, arXiv:1608.03983,
without the restarts; the rise is that of Goyal et al., Accurate, large minibatch SGD, 2017, arXiv:1706.02677.
It changes with each step.

It sets the rate, whatever other schedules made of it: use it alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of cosine."""

    warmup: float = tunable(0.05, low=0.0, high=0.5, help="share of the training in which the rate rises")
    final: float = tunable(0.0, low=0.0, high=0.5, help="share of the rate that is left at the end")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:
    """Build the schedule on an optimizer, as the only one."""
    from genrelab_plugins.schedulers._factors import warmed_up

    rise = round(params.warmup * steps.total)
    fall = max(1, steps.total - rise)

    def after(step: int) -> float:
        left = (1 + math.cos(math.pi * min(step, fall) / fall)) / 2
        return params.final + (1 - params.final) * left

    return warmed_up(optimizer, rise, after)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide cosine."""
    return [Scheduler("cosine", Params, build, when="batch")]
