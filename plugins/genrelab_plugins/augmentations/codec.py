"""Encoded and decoded again as MP3 or Ogg Vorbis, at a random quality."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of codec."""

    format: str = one_of("mp3", ["mp3", "vorbis"], help="codec")
    worst: float = tunable(0.0, low=0.0, high=1.0, help="lowest quality; 0: as small as the codec can")
    best: float = tunable(0.5, low=0.0, high=1.0, help="highest quality; 1: as good as the codec can")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval().

    Raises:
        InputError: a sample rate that the codec does not know.
    """
    from genrelab_plugins.augmentations._codec import check_rate, codec
    from genrelab_plugins.augmentations._random import InTraining

    check_rate(sample_rate, params.format)
    return InTraining(
        functools.partial(codec, sample_rate=sample_rate, kind=params.format, worst=params.worst, best=params.best)
    )


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide codec."""
    return [Augmentation("codec", Params, build, domain="waveform")]
