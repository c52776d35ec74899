"""A learning rate that stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of constant."""


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:  # noqa: ARG001
    """Build the schedule on an optimizer, beside others that may be there."""
    from torch.optim.lr_scheduler import ConstantLR

    return ConstantLR(optimizer, factor=1.0)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide constant."""
    return [Scheduler("constant", Params, build)]
