"""A convolution over pictures whose weights learn faster on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

_FEWEST = 64  # channels from which matrix products are faster
_SLOW = torch.backends.cpu.get_cpu_capability() == "AVX2"  # where torch's way is known to be slow


class Conv2d(nn.Conv2d):
    """A convolution with an odd square kernel that keeps the size of pictures.

    While training on a CPU without AVX512, with many channels in channels_last, the gradient of its weights is a
    sum of matrix products: two thirds (3 s of audio) to a quarter (30 s) of torch's time. All else is torch's.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return pictures (batch, outputs, height, width) of pictures (batch, inputs, height, width)."""
        if self._is_fast(x):
            y: Tensor = _Convolution.apply(x, self.weight, self.bias)
            return y
        return super().forward(x)

    def _is_fast(self, x: Tensor) -> bool:
        return (
            _SLOW
            and self.training
            and torch.is_grad_enabled()
            and self.in_channels >= _FEWEST
            and x.device.type == "cpu"
            and x.dtype == self.weight.dtype in (torch.float32, torch.float64)
            and x.is_contiguous(memory_format=torch.channels_last)
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
        )


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        padding = [weight.shape[-1] // 2] * 2
        geometry = [len(weight)], [1, 1], padding, [1, 1], False, [0, 0], 1
        only_x = of_x, False, False
        return (
            torch.ops.aten.convolution_backward(gradient, x, weight, *geometry, only_x)[0],
            weight_gradient(x, gradient, weight.shape[-1]) if of_weight else None,
            gradient.sum((0, 2, 3)) if of_bias else None,
        )


def weight_gradient(x: Tensor, gradient: Tensor, kernel: int) -> Tensor:
    """Return the gradient of weights (outputs, inputs, kernel, kernel).

    With zeros around pictures, and as many behind those of the gradient, their values lie in the same rows of two
    matrices but for an offset, which is another one for each place of the kernel: what a place gets is one product.

    Args:
        x: pictures (batch, inputs, height, width), channels_last.
        gradient: of the convolution's pictures (batch, outputs, height, width).
        kernel: width, odd.
    """
    border = kernel // 2
    around = F.pad(x.permute(0, 2, 3, 1), (0, 0, border, border, border, border))
    behind = F.pad(gradient.permute(0, 2, 3, 1), (0, 0, 0, 2 * border, 0, 2 * border))
    width = around.shape[2]
    values, wanted = around.reshape(-1, x.shape[1]), behind.reshape(-1, gradient.shape[1])
    rows = len(values) - 2 * border * (width + 1)
    places = [row * width + column for row in range(kernel) for column in range(kernel)]
    products = [wanted[:rows].T @ values[place : place + rows] for place in places]
    return torch.stack(products, -1).reshape(gradient.shape[1], x.shape[1], kernel, kernel)
