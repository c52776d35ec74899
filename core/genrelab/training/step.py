"""One optimizer step on a batch: forward and backward in micro-batches, and everything that follows a step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from genrelab.config.experiment import Train
from genrelab.training.losses import Loss
from genrelab.training.precision import Precision
from genrelab.training.processes import ALONE, Processes
from genrelab.training.schedules import Schedule, tell


@attrs.frozen
class Step:
    """What a step needs; calling it takes one."""

    model: nn.Module
    """As `Processes.share` returns it."""
    optimizer: torch.optim.Optimizer
    schedules: Sequence[Schedule]
    average: AveragedModel | None
    loss: Loss
    precision: Precision
    settings: Train
    processes: Processes = ALONE

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Take a step on this process's part of a batch.

        Args:
            x: the whole batch (batch, bins, frames), the same in all processes.
            y: its soft labels (batch, classes).

        Returns:
            The summed loss of the part; all parts together give that of the batch.
        """
        self.optimizer.zero_grad(set_to_none=True)
        clips, each, scaler = len(x), self.processes.clips_each(len(x)), self.precision.scaler
        pieces = math.ceil(int(each) / (self.settings.micro_batch or clips))  # as many in each process
        inputs, labels = (self.processes.part(whole).tensor_split(pieces) for whole in (x, y))
        total = x.new_zeros(())
        for number, (part, wanted) in enumerate(zip(inputs, labels, strict=True), 1):
            with self.processes.gathering(self.model, last=number == pieces):
                with self.precision.autocast():
                    loss = self.loss(self.model(part), wanted).sum() / each
                scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() * (clips / self.processes.size)
        self._update()
        return total

    def _update(self) -> None:
        """Change the weights, and all that follows them."""
        scaler = self.precision.scaler
        if self.settings.clip_norm:
            scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        scaler.step(self.optimizer)
        scaler.update()
        tell(self.schedules, "batch")
        if self.average:
            self.average.update_parameters(self.model)
