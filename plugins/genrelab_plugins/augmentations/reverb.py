"""Played in a random room: noise that dies away, after the direct sound.

Moorer, About This Reverberation Business, Computer Music Journal 3 (2), 1979.
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
    """Parameters of reverb."""

    shortest: float = tunable(0.2, low=0.02, high=10.0, log=True, help="time for 60 dB of decay at the least, s")
    longest: float = tunable(1.5, low=0.02, high=10.0, log=True, help="time for 60 dB of decay at the most, s")
    low_ratio: float = tunable(0.0, low=-20.0, high=40.0, help="direct sound above the room's at the least, dB")
    high_ratio: float = tunable(20.0, low=-20.0, high=40.0, help="direct sound above the room's at the most, dB")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._filters import reverb
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(functools.partial(reverb, sample_rate=sample_rate, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide reverb."""
    return [Augmentation("reverb", Params, build, domain="waveform")]
