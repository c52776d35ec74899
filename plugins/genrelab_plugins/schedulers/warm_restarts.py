"""A learning rate that falls along half a cosine, jumps back, and falls again, more slowly each time.

Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017, arXiv:1608.03983. It changes
with each step. Let the training end with a cycle: cycles of 10, 20 and 40 epochs make 70.

It sets the rate, whatever other schedules made of it: use it alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, one_of, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of warm_restarts."""

    first_epochs: int = tunable(10, low=1, high=200, help="epochs of the first cycle")
    growth: int = one_of(2, [1, 2, 3], help="length of a cycle by that of the one before")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:
    """Build the schedule on an optimizer, as the only one."""
    from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

    return CosineAnnealingWarmRestarts(optimizer, params.first_epochs * steps.per_epoch, params.growth)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide warm_restarts."""
    return [Scheduler("warm_restarts", Params, build, when="batch")]
