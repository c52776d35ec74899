"""A learning rate that falls to 0 over the training as a power of what is left of it.

Chen, Papandreou, Kokkinos, Murphy and Yuille, DeepLab, TPAMI 2018, arXiv:1606.00915 ("poly"); with power 1 the
line of BERT and many others. It falls with each step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of polynomial."""

    power: float = tunable(0.9, low=0.2, high=4.0, help="of the share of the training that is left; 1: a line")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:
    """Build the schedule on an optimizer, beside others that may be there."""
    from torch.optim.lr_scheduler import PolynomialLR

    return PolynomialLR(optimizer, steps.total, params.power)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide polynomial."""
    return [Scheduler("polynomial", Params, build, when="batch")]
