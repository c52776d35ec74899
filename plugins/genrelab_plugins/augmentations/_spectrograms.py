"""Features (batch, bins, frames) changed in value or moved, each clip in its own way; the first four in place."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from genrelab_plugins.augmentations._random import gaussian, integers, uniform


def amplitude_scale(x: Tensor, low: float, high: float) -> Tensor:
    """Multiply each clip by a random factor."""
    return x.mul_(uniform(x, low, high))


def spec_noise(x: Tensor, sigma: float) -> Tensor:
    """Add Gaussian noise to every value."""
    return x.add_(gaussian(x), alpha=sigma)


def time_shift(x: Tensor, share: float) -> Tensor:
    """Move each clip along time by up to a share of its frames, around its ends."""
    frames = x.shape[2]
    most = round(share * frames)
    shifts = integers(x, -most, most)
    if x.device.type == "cpu":  # a third of the time, but it waits for the shifts
        for clip, shift in zip(x, shifts.flatten().tolist(), strict=True):
            clip.copy_(clip.roll(shift, 1))
        return x
    places = torch.arange(frames, device=x.device) - shifts
    return x.gather(2, (places % frames).expand_as(x))


def frequency_shift(x: Tensor, bins: int) -> Tensor:
    """Move each clip up or down by up to so many bins; those that this empties are 0."""
    shifts = integers(x, -bins, bins)
    if x.device.type == "cpu":
        for clip, shift in zip(x, shifts.clamp(-x.shape[1], x.shape[1]).flatten().tolist(), strict=True):
            clip.copy_(clip.roll(shift, 0))
            clip[: max(shift, 0)] = 0
            clip[len(clip) + min(shift, 0) :] = 0
        return x
    places = torch.arange(x.shape[1], device=x.device)[:, None] - shifts  # (batch, bins, 1)
    inside = (places >= 0) & (places < x.shape[1])
    return x.gather(1, places.clamp(0, x.shape[1] - 1).expand_as(x)) * inside


def spec_stretch(x: Tensor, slowest: float, fastest: float) -> Tensor:
    """Play each clip faster or slower, by interpolation between frames; what is over begins again."""
    return at_frames(x, uniform(x, slowest, fastest) * torch.arange(x.shape[2], dtype=x.dtype, device=x.device))


def at_frames(x: Tensor, places: Tensor) -> Tensor:
    """Interpolate clips at places (batch, 1, n) in frames; after the last frame comes the first."""
    left = places.floor()
    here = (left.long() % x.shape[2]).expand(-1, x.shape[1], -1)
    return torch.lerp(x.gather(2, here), x.gather(2, (here + 1) % x.shape[2]), places - left)


def resized_crop(x: Tensor, bins: float, frames: float) -> Tensor:
    """Cut a random part of each clip, at least such shares of bins and frames, and stretch it to the whole."""
    shares = torch.cat([uniform(x, frames, 1), uniform(x, bins, 1)], 1)[:, :, 0]  # of the two axes, (batch, 2)
    centres = (1 - shares) * (2 * torch.rand_like(shares) - 1)  # -1..1 along each axis
    affine = torch.cat([torch.diag_embed(shares), centres[:, :, None]], 2)
    grid = F.affine_grid(affine, [len(x), 1, *x.shape[1:]], align_corners=True)
    return F.grid_sample(x[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
