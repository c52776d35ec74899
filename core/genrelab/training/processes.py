"""The processes that share one training: one, unless an executor has started several.

Each takes its part of every batch and holds the whole model; after the backward pass gradients are averaged (Li et
al., PyTorch Distributed, VLDB 2020, arXiv:2006.15704). An executor that starts several processes sets up torch's
process group in each of them and calls `run_job` in all.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import attrs
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from genrelab.training.batch_norm import share_batch_norm


@attrs.frozen
class Processes:
    """Which of the processes that share a training this one is."""

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> Processes:
        """Return the process group that this process is in, or just this process."""
        if distributed.is_available() and distributed.is_initialized():
            return cls(distributed.get_rank(), distributed.get_world_size())
        return cls()

    @property
    def main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def share(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Return a model of which each process trains a part; BatchNorm normalises over the parts of all."""
        if self.size == 1:
            return model
        share_batch_norm(model, device)
        return DistributedDataParallel(model)

    def part(self, x: Tensor) -> Tensor:
        """Return this process's part of a batch; one of fewer clips than processes goes through each as a whole."""
        return x if len(x) < self.size else x.tensor_split(self.size)[self.rank]

    def clips_each(self, clips: int) -> float:
        """Return how many clips of a batch go through a process, on average."""
        return clips if clips < self.size else clips / self.size

    def gathering(self, model: nn.Module, last: bool) -> AbstractContextManager[None]:
        """Return the context of a forward and backward pass; gradients are averaged in the last one of a step."""
        return nullcontext() if last or not isinstance(model, DistributedDataParallel) else model.no_sync()

    def sum(self, x: Tensor) -> Tensor:
        """Return the sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(x := x.clone())
        return x

    def least(self, *values: float) -> list[float]:
        """Return the smallest of each value over all processes: what they decide by must be the same."""
        if self.size == 1:
            return list(values)
        smallest = torch.tensor(values, dtype=torch.float64)  # on the CPU, so that a GPU is not waited for
        distributed.all_reduce(smallest, distributed.ReduceOp.MIN)
        return smallest.tolist()

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.least(0.0)


ALONE = Processes()
