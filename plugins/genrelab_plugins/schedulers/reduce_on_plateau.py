"""A learning rate that falls when the validation loss no longer does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, one_of, setting, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of reduce_on_plateau."""

    factor: float = tunable(0.5, low=0.05, high=0.95, help="factor of a fall")
    patience: int = tunable(2, low=0, high=50, help="epochs without improvement that are let pass")
    threshold: float = setting(1e-4, low=0.0, high=1.0, help="smallest fall of the loss that counts")
    threshold_mode: str = one_of("abs", ["abs", "rel"], help="threshold as a loss or as a share of the best")
    min_lr: float = setting(0.0, low=0.0, high=1.0, help="learning rate below which it does not fall")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:  # noqa: ARG001
    """Build the schedule on an optimizer, beside others that may be there."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    return ReduceLROnPlateau(optimizer, "min", **attrs.asdict(params))


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide reduce_on_plateau."""
    return [Scheduler("reduce_on_plateau", Params, build, when="monitored")]
