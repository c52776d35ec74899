"""BatchNorm over the clips of all processes (Ioffe and Szegedy, ICML 2015, arXiv:1502.03167)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


def share_batch_norm(model: nn.Module, device: torch.device) -> None:
    """Let the BatchNorm layers within a model normalise over all processes; their weights stay as they are.

    On CUDA torch's SyncBatchNorm takes their place; it works nowhere else.
    """
    if device.type == "cuda":
        for name, child in model.named_children():
            setattr(model, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))  # type: ignore[no-untyped-call]
    else:
        for layer in model.modules():
            if isinstance(layer, _BatchNorm):
                layer.__class__ = SharedBatchNorm


class SharedBatchNorm(_BatchNorm):
    """BatchNorm1d, 2d or 3d over all processes, for devices that torch has none for."""

    def _check_input_dim(self, x: Tensor) -> None:
        """Take any number of dimensions."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel: (batch, channels, ...) -> the same shape."""
        if not self.training:
            return super().forward(x)
        dims, shape = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
        count = _sum(x.new_tensor(x.numel() / x.shape[1], dtype=torch.float32))
        mean = _sum(x.float().sum(dims)) / count
        centred = x - mean.view(shape)
        variance = _sum(centred.square().sum(dims)) / count
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        y = centred * (variance + self.eps).rsqrt().view(shape)
        return (y * self.weight.view(shape) + self.bias.view(shape) if self.affine else y).to(x.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics, where there are some, towards those of a batch."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class _Sum(torch.autograd.Function):
    """Sum over all processes; each of them has a part in the loss of all, so gradients are summed as well."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        distributed.all_reduce(x := x.clone())
        return x

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _sum(gradient)


def _sum(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)
    return total
