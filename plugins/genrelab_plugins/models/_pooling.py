"""Poolings over time: (batch, frames, values) -> one vector a clip."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def pooling(kind: str, values: int) -> tuple[nn.Module, int]:
    """Return a module (batch, frames, values) -> (batch, outputs), and the number of outputs.

    Args:
        kind: ``mean``, ``mean_max`` (one after the other) or ``attention``.
        values: of a frame.
    """
    match kind:
        case "mean":
            return MeanPool(), values
        case "mean_max":
            return MeanMaxPool(), 2 * values
        case _:
            return AttentionPool(values), values


class MeanPool(nn.Module):
    """Average over time."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return x.mean(1)


class MeanMaxPool(nn.Module):
    """Average and maximum over time."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return torch.cat([x.mean(1), x.amax(1)], 1)


class LastFrame(nn.Module):
    """What the last frame is."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return x[:, -1]


class AttentionPool(nn.Module):
    """Average over time in which frames count by how telling they look.

    Ilse, Tomczak and Welling, Attention-based Deep Multiple Instance Learning, ICML 2018, arXiv:1802.04712,
    equations 7 and 8.
    """

    def __init__(self, values: int, hidden: int = 128) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(values, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        weights = self.score(x).softmax(1)  # (batch, frames, 1)
        pooled: Tensor = (weights * x).sum(1)
        return pooled


class MeanOverBins(nn.Module):
    """Average over frequency: (batch, channels, bins, frames) -> (batch, frames, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        return x.mean(2).transpose(1, 2)
