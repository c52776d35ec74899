"""What augmentations are made of: a function that is called while training, and draws for each clip."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor, nn


class InTraining(nn.Module):
    """Change batches with a function while training; the identity in eval().

    Args:
        change: (batch, ...) -> a new tensor of the same shape and dtype, with draws of its own for each clip.
    """

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        """Change a batch."""
        return self.change(x) if self.training else x


def uniform(x: Tensor, low: float, high: float) -> Tensor:
    """Draw a number between two for each clip of a batch: (batch, 1, ...), of the dtype and on the device of x."""
    shape = len(x), *[1] * (x.ndim - 1)
    return low + (high - low) * torch.rand(shape, dtype=x.dtype, device=x.device)


def integers(x: Tensor, low: int, high: int) -> Tensor:
    """Draw a whole number from low..high, both included, for each clip of a batch: (batch, 1, ...)."""
    return torch.randint(low, high + 1, (len(x), *[1] * (x.ndim - 1)), device=x.device)


def gaussian(x: Tensor) -> Tensor:
    """Draw from the standard normal distribution for each value of x: of the shape and type of x, on its device.

    On a CPU in pairs, each one of 2**16, which takes a third of the time: torch draws numbers one after the other,
    32 bits for each value of `randn`, and so eight values at once. Variance and kurtosis are those of the
    distribution but for 2e-5 and 8e-4, no value is beyond 4.33, and the two of a pair are uncorrelated.
    """
    if x.device.type != "cpu":
        return torch.randn_like(x)
    draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    pairs = _pairs().index_select(0, draws.view(torch.uint16).int())
    return pairs.view(torch.float32)[: x.numel()].view(x.shape).to(x.dtype)


@functools.cache
def _pairs() -> Tensor:
    """Return pairs of quantiles of the normal distribution (2**16,), two float32 in each int64.

    They are even in the plane: Hammersley points, the digits of the second axis shifted, without which the smallest
    quantile would meet the smallest and the largest the largest (Lemieux, Monte Carlo and Quasi-Monte Carlo
    Sampling, Springer 2009, chapters 5 and 6).
    """
    first = torch.arange(2**16)
    second = torch.stack([((first >> bit) & 1) << (15 - bit) for bit in range(16)]).sum(0) ^ 0x5555
    shares = (torch.stack([first, second], 1).double() + 0.5) / 2**16
    quantiles: Tensor = torch.special.ndtri(shares)
    return quantiles.float().view(torch.int64).flatten()


def ratio(decibels: Tensor) -> Tensor:
    """Return the ratio of amplitudes that decibels stand for."""
    return 10 ** (decibels / 20)


def rms(x: Tensor) -> Tensor:
    """Return the root mean square of waveforms (batch, samples), at least 1e-12: (batch, 1)."""
    return x.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-12)
