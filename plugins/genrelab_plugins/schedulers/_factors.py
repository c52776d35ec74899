"""A learning rate as a function of the step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import LambdaLR


def warmed_up(optimizer: torch.optim.Optimizer, rise: int, after: Callable[[int], float]) -> LambdaLR:
    """Set the learning rate by step: a linear rise to the full rate, then what `after` says.

    Args:
        optimizer: its learning rate is the full one.
        rise: steps below the full rate.
        after: (steps since the rise) -> factor of the full rate.
    """

    def factor(step: int) -> float:
        # A first step at rate 0 would be lost: the rise starts with its first part.
        return (step + 1) / (rise + 1) if step < rise else after(step - rise)

    return LambdaLR(optimizer, factor)
