"""Louder or quieter.

Features that are normalised clip by clip do not show it.
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
    """Parameters of gain."""

    low_db: float = tunable(-12.0, low=-60.0, high=30.0, help="least change of level, dB")
    high_db: float = tunable(6.0, low=-60.0, high=30.0, help="greatest change of level, dB")


def build(params: Params, sample_rate: int) -> nn.Module:  # noqa: ARG001 - what all for waveforms get
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._levels import gain
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(functools.partial(gain, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide gain."""
    return [Augmentation("gain", Params, build, domain="waveform")]
