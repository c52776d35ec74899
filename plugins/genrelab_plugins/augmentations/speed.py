"""Played faster or slower, pitch and all, as a tape.

Ko et al., Audio Augmentation for Speech Recognition, Interspeech 2015.
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
    """Parameters of speed."""

    slowest: float = tunable(0.8, low=0.5, high=1.0, help="lowest speed")
    fastest: float = tunable(1.2, low=1.0, high=2.0, help="highest speed")


def build(params: Params, sample_rate: int) -> nn.Module:  # noqa: ARG001 - what all for waveforms get
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._tempo import speed

    return InTraining(functools.partial(speed, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide speed."""
    return [Augmentation("speed", Params, build, domain="waveform")]
