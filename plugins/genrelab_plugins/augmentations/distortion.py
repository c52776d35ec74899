"""Overdriven, as by an amplifier: tanh, at the same level."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of distortion."""

    low_db: float = tunable(0.0, low=-20.0, high=60.0, help="least drive: the peak above that of tanh, dB")
    high_db: float = tunable(20.0, low=-20.0, high=60.0, help="greatest drive, dB")


def build(params: Params, sample_rate: int) -> nn.Module:  # noqa: ARG001 - what all for waveforms get
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._levels import distortion
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(functools.partial(distortion, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide distortion."""
    return [Augmentation("distortion", Params, build, domain="waveform")]
