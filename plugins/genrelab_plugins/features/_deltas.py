"""Slopes along time, beside what they are slopes of."""

from __future__ import annotations

import torch
from scipy.signal import savgol_coeffs
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Deltas(nn.Module):
    """(batch, bins, frames) -> (batch, (1 + orders) * bins, frames): the input, its slopes, the slopes' slopes.

    The derivative of order n is that of the polynomial of degree n fitted to `width` frames (Savitzky
    and Golay, Analytical Chemistry 36, 1964), as in ``librosa.feature.delta(x, width=width, order=n)``. Its unit is
    that of the input a frame, or a frame squared. A clip with fewer frames takes the widest odd window that fits;
    below three frames slopes are 0.

    Args:
        orders: how many derivatives, 0 to 2.
        width: frames, odd, at least 3.
    """

    def __init__(self, orders: int, width: int) -> None:
        super().__init__()
        self.orders, self.width = orders, width

    def forward(self, x: Tensor) -> Tensor:
        """Append the slopes."""
        return torch.cat([x, *(self._derivative(x, order) for order in range(1, self.orders + 1))], 1)

    def _derivative(self, x: Tensor, order: int) -> Tensor:
        frames = x.shape[-1]
        width = min(self.width, frames - 1 + frames % 2)
        if width < 3:
            return torch.zeros_like(x)
        weight = torch.as_tensor(savgol_coeffs(width, order, deriv=order, use="dot")).to(x)
        slopes = F.conv1d(x.flatten(0, 1)[:, None], weight[None, None])
        # A polynomial of this degree has the same derivative all over its window: the first and the last hold on.
        return F.pad(slopes, (width // 2, width // 2), mode="replicate").view_as(x)
