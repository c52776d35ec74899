"""Played higher or lower at the same tempo.

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
    """Parameters of pitch_shift."""

    semitones: float = tunable(2.0, low=0.1, high=12.0, help="up or down at the most")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._tempo import pitch_shift

    return InTraining(functools.partial(pitch_shift, sample_rate=sample_rate, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide pitch_shift."""
    return [Augmentation("pitch_shift", Params, build, domain="waveform")]
