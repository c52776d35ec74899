"""A learning rate that falls by a factor at given points of the training.

He, Zhang, Ren and Sun, Deep residual learning for image recognition, CVPR 2016, arXiv:1512.03385; with the points
given as shares of the training, as by Huang et al., Densely connected convolutional networks, CVPR 2017.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Scheduler, hookimpl, setting, tunable

if TYPE_CHECKING:
    import torch

    from genrelab import LearningRate, Steps


@attrs.frozen
class Params:
    """Parameters of multistep."""

    milestones: tuple[float, ...] = setting((0.5, 0.75), help="shares of the training after which it falls")
    gamma: float = tunable(0.1, low=0.01, high=1.0, log=True, help="factor of a fall")

    def __attrs_post_init__(self) -> None:
        for share in self.milestones:
            if not 0 < share < 1:
                raise ValueError(f"milestones: {share:g} is not between 0 and 1, a share of the training")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:
    """Build the schedule on an optimizer, beside others that may be there."""
    from torch.optim.lr_scheduler import MultiStepLR

    # The first epoch always has the full rate: a fall at once would only be another rate.
    epochs = [max(1, round(share * steps.epochs)) for share in params.milestones]
    return MultiStepLR(optimizer, epochs, params.gamma)


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide multistep."""
    return [Scheduler("multistep", Params, build)]
