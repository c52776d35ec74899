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
        mixed = torch.lerp(x[partner], x, share[:, None, None].to(x.dtype))
        return mixed, torch.lerp(y[partner], y, share[:, None])


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


class SpecMix(nn.Module):
    """Replace bands of frequency and of time of each clip by those of another one; identity in eval().

    Args:
        share: width of a band, of the bins or frames.
        freq_bands: bands of bins, at most, for each clip.
        time_bands: bands of frames, at most, for each clip.
    """

    def __init__(self, share: float, freq_bands: int, time_bands: int) -> None:
        super().__init__()
        self.share, self.freq_bands, self.time_bands = share, freq_bands, time_bands

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return clips (batch, bins, frames) and soft labels (batch, classes), weighted by area."""
        if not self.training:
            return x, y
        partner = torch.randperm(len(x), device=x.device)
        bins = _bands(x, x.shape[1], self.freq_bands, self.share)
        frames = _bands(x, x.shape[2], self.time_bands, self.share)
        taken = bins[:, :, None] | frames[:, None, :]
        kept = 1 - taken.to(y.dtype).mean((1, 2))
        return torch.where(taken, x[partner], x), torch.lerp(y[partner], y, kept[:, None])


def _bands(x: Tensor, size: int, most: int, share: float) -> Tensor:
    """Return booleans (batch, size), true in up to so many bands of each row, each a share of it wide."""
    width = int(share * size)
    start = torch.randint(size - width + 1, (len(x), most, 1), device=x.device)
    used = torch.arange(most, device=x.device) < torch.randint(most + 1, (len(x), 1), device=x.device)
    place = torch.arange(size, device=x.device)
    return ((place >= start) & (place < start + width) & used[:, :, None]).any(1)


def _shares(alpha: float, x: Tensor) -> Tensor:
    """Draw from Beta(alpha, alpha) for each clip: (batch,) in 0..1."""
    concentration = torch.full((len(x),), alpha, device=x.device)
    return torch.distributions.Beta(concentration, concentration).sample()


def _spans(size: int, share: Tensor) -> Tensor:
    """Return booleans (batch, size), true in a random span of about that share of each row, cut off at the ends."""
    centre, half = torch.rand_like(share) * size, share * size / 2
    place = torch.arange(size, device=share.device) + 0.5
    return (place - centre[:, None]).abs() < half[:, None]
