"""A learning rate that rises from low to high and falls to nearly nothing, in one cycle over the training.

Smith and Topin, Super-convergence, 2018, arXiv:1708.07120, along cosines as in torch. The experiment's learning
rate is the peak, and may be several times what a constant rate could be. Momentum stays as it is. It changes
with each step.

It sets the rate, whatever other schedules made of it: use it alone.
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
    """Parameters of one_cycle."""

    pct_start: float = tunable(0.3, low=0.05, high=0.5, help="share of the training in which the rate rises")
    div_factor: float = tunable(25.0, low=1.0, high=100.0, log=True, help="the peak by the rate at the start")
    final_div_factor: float = setting(1e4, low=1.0, help="the rate at the start by that at the end")


def build(params: Params, optimizer: torch.optim.Optimizer, steps: Steps) -> LearningRate:
    """Build the schedule on an optimizer, as the only one."""
    from torch.optim.lr_scheduler import OneCycleLR

    total = max(4, steps.total)  # fewer have no room for two phases
    return OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=total,
        pct_start=max(params.pct_start, 2 / total),
        cycle_momentum=False,
        div_factor=params.div_factor,
        final_div_factor=params.final_div_factor,
    )


@hookimpl
def provide_schedulers() -> list[Scheduler]:
    """Provide one_cycle."""
    return [Scheduler("one_cycle", Params, build, when="batch")]
