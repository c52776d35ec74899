"""A learning rate that falls by the same factor every epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of exponential."""

    gamma: float = tunable(0.95, low=0.5, high=1.0, help="factor of an epoch")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:  # noqa: ARG001
    """Build the schedule on an optimizer, beside others that may be there."""
    from torch.optim.lr_scheduler import ExponentialLR

    return ExponentialLR(optimizer, params.gamma)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide exponential."""
    return [Scheduler("exponential", Params, build)]
