"""A learning rate that rises in a line, then falls with the inverse square root of the step.

Vaswani et al., Attention is all you need, NeurIPS 2017, arXiv:1706.03762, with the rise as a share of the
training. It changes with each step.

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
    """Parameters of inverse_sqrt."""

    warmup: float = tunable(0.05, low=0.0, high=0.5, help="share of the training in which the rate rises")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:
    """Build the schedule on an optimizer, as the only one."""
    from genrelab_plugins.schedulers._factors import warmed_up

    rise = round(params.warmup * steps.total)
    return warmed_up(optimizer, rise, lambda step: math.sqrt((rise + 1) / (rise + 1 + step)))


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide inverse_sqrt."""
    return [Scheduler("inverse_sqrt", Params, build, when="batch")]
