"""Waveforms whose samples are changed one by one: louder, upside down, distorted."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab_plugins.augmentations._random import integers, ratio, rms, uniform


def gain(x: Tensor, low_db: float, high_db: float) -> Tensor:
    """Make each waveform of (batch, samples) louder or quieter by a random number of dB."""
    return x * ratio(uniform(x, low_db, high_db))


def polarity(x: Tensor) -> Tensor:
    """Turn every other waveform of (batch, samples), at random, upside down."""
    return x * (1 - 2 * integers(x, 0, 1))


def distortion(x: Tensor, low_db: float, high_db: float) -> Tensor:
    """Overdrive each waveform of (batch, samples): tanh, of a peak so many dB above 1; the level stays."""
    peak = x.abs().amax(-1, keepdim=True).clamp_min(1e-12)
    driven = torch.tanh(x / peak * ratio(uniform(x, low_db, high_db)))
    return driven * (rms(x) / rms(driven))
