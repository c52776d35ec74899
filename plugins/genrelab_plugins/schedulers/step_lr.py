"""A learning rate that falls by a factor every few epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of step_lr."""

    step_size: int = tunable(10, low=1, high=100, help="epochs between two falls")
    gamma: float = tunable(0.5, low=0.05, high=1.0, help="factor of a fall")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:  # noqa: ARG001
    """Build the schedule on an optimizer, beside others that may be there."""
    from torch.optim.lr_scheduler import StepLR

    return StepLR(optimizer, params.step_size, params.gamma)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide step_lr."""
    return [Scheduler("step_lr", Params, build)]
