"""White noise at a random signal-to-noise ratio."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of gaussian_noise."""

    low_snr: float = tunable(5.0, low=-20.0, high=80.0, help="signal above the noise at the least, dB")
    high_snr: float = tunable(40.0, low=-20.0, high=80.0, help="signal above the noise at the most, dB")


def build(params: Params, sample_rate: int) -> nn.Module:  # noqa: ARG001 - what all for waveforms get
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._noise import gaussian_noise
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(functools.partial(gaussian_noise, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide gaussian_noise."""
    return [Augmentation("gaussian_noise", Params, build, domain="waveform")]
