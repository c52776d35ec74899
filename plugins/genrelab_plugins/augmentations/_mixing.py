"""Batches whose clips are mixed with each other, and their labels with them, for all clips at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Mixup(nn.Module):
    """Replace each clip by a weighted mean of itself and another one of the batch; identity in eval().

    Args:
        alpha: of the beta distribution of weights.
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return mixed clips (batch, bins, frames) and soft labels (batch, classes)."""
        if not self.training:
            return x, y
        partner, share = torch.randperm(len(x), device=x.device), _shares(self.alpha, x)
        return torch.lerp(x[partner], x, share[:, None, None]), torch.lerp(y[partner], y, share[:, None])


class CutMix(nn.Module):
    """Replace a rectangle of each clip by that of another one of the batch; identity in eval().

    Args:
        alpha: of the beta distribution of the share that is kept.
        along: ``both`` bins and frames, or ``time``: all bins of a stretch of frames.
    """

    def __init__(self, alpha: float, along: str) -> None:
        super().__init__()
        self.alpha, self.along = alpha, along

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return clips (batch, bins, frames) and soft labels (batch, classes), weighted by area."""
        if not self.training:
            return x, y
        _, bins, frames = x.shape
        partner, cut = torch.randperm(len(x), device=x.device), 1 - _shares(self.alpha, x)
        if self.along == "time":
            cut_bins, cut_frames = x.new_ones(len(x), bins, dtype=torch.bool), _spans(frames, cut)
        else:
            cut_bins, cut_frames = _spans(bins, cut.sqrt()), _spans(frames, cut.sqrt())
        cut_out = cut_bins[:, :, None] & cut_frames[:, None, :]
        kept = 1 - cut_out.float().mean((1, 2))
        return torch.where(cut_out, x[partner], x), torch.lerp(y[partner], y, kept[:, None])


def _shares(alpha: float, x: Tensor) -> Tensor:
    """Draw from Beta(alpha, alpha) for each clip: (batch,) in 0..1."""
    concentration = torch.full((len(x),), alpha, device=x.device)
    return torch.distributions.Beta(concentration, concentration).sample()


def _spans(size: int, share: Tensor) -> Tensor:
    """Return booleans (batch, size), true in a random span of about that share of each row, cut off at the ends."""
    centre, half = torch.rand_like(share) * size, share * size / 2
    place = torch.arange(size, device=share.device) + 0.5
    return (place - centre[:, None]).abs() < half[:, None]
