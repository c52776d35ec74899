"""Random filters over the bins of features in dB."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab_plugins.augmentations._random import integers


def filter_augment(x: Tensor, fewest: int, most: int, narrowest: int, amount: float, linear: bool) -> Tensor:
    """Add a random curve over the bins of (batch, bins, frames), another one for each clip.

    Args:
        x: features.
        fewest: bands of a clip, at least.
        most: bands of a clip, at most; not below `fewest`.
        narrowest: bins of a band, at least (fewer where there are too few bins).
        amount: largest change, up or down, in the unit of the feature.
        linear: whether the curve goes in straight lines from edge to edge, or is level within a band.
    """
    edges = band_edges(x, fewest, most, narrowest)
    values = amount * (2 * torch.rand(edges.shape, dtype=x.dtype, device=x.device) - 1)
    return x + curves(edges, values, x.shape[1], linear)[:, :, None]


def band_edges(x: Tensor, fewest: int, most: int, narrowest: int) -> Tensor:
    """Draw the edges of bands, from 0 to the number of bins, where spare ones are as well: (batch, most + 1)."""
    bins = x.shape[1]
    count = integers(x, fewest, most)[:, :, 0].clamp_max(bins)
    width = torch.clamp(bins // count, max=narrowest)
    number = torch.arange(1, most, device=x.device)
    drawn = (torch.rand(len(x), most - 1, device=x.device) * (bins - count * width + 1)).floor().long()
    inner = drawn.masked_fill(number >= count, bins).sort(1).values + number * width
    inner = inner.masked_fill(number >= count, bins)
    ends = inner.new_zeros(len(x), 1), inner.new_full((len(x), 1), bins)
    return torch.cat([ends[0], inner, ends[1]], 1)


def curves(edges: Tensor, values: Tensor, bins: int, linear: bool) -> Tensor:
    """Return curves (batch, bins) with values (batch, n) at, or from, edges (batch, n)."""
    place = torch.arange(bins, device=edges.device)
    band = (edges[:, 1:-1, None] <= place).sum(1)  # (batch, bins)
    left = values.gather(1, band)
    if not linear:
        return left
    start, end = edges.gather(1, band), edges.gather(1, band + 1)
    return torch.lerp(left, values.gather(1, band + 1), ((place - start) / (end - start)).to(values.dtype))
