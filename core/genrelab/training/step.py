"""One optimizer step on a batch: forward and backward in micro-batches, and everything that follows a step."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from genrelab.config.experiment import Train
from genrelab.training.losses import Loss
from genrelab.training.precision import Precision
from genrelab.training.schedules import Schedule, tell


@attrs.frozen
class Step:
    """What a step needs; calling it takes one."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedules: Sequence[Schedule]
    average: AveragedModel | None
    loss: Loss
    precision: Precision
    settings: Train

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Take a step on clips (batch, bins, frames) with soft labels (batch, classes); return the summed loss."""
        self.optimizer.zero_grad(set_to_none=True)
        total, size, scaler = x.new_zeros(()), self.settings.clips_at_once, self.precision.scaler
        for part, labels in zip(torch.split(x, size), torch.split(y, size), strict=True):
            with self.precision.autocast():
                loss = self.loss(self.model(part), labels).sum()
            scaler.scale(loss / len(x)).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        if self.settings.clip_norm:
            scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        scaler.step(self.optimizer)
        scaler.update()
        tell(self.schedules, "batch")
        if self.average:
            self.average.update_parameters(self.model)
        return total
