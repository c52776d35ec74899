"""Played faster or slower at the same pitch, by a phase vocoder.

Salamon and Bello, Deep Convolutional Neural Networks and Data Augmentation for Environmental Sound Classification,
IEEE Signal Processing Letters 24, 2017, arXiv:1608.04363.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of time_stretch."""

    slowest: float = tunable(0.8, low=0.5, high=1.0, help="lowest speed")
    fastest: float = tunable(1.2, low=1.0, high=2.0, help="highest speed")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._tempo import time_stretch

    return InTraining(functools.partial(time_stretch, sample_rate=sample_rate, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide time_stretch."""
    return [Augmentation("time_stretch", Params, build, domain="waveform")]
