"""The feature played faster or slower, by interpolation between frames."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of spec_stretch."""

    slowest: float = tunable(0.8, low=0.5, high=1.0, help="lowest speed")
    fastest: float = tunable(1.2, low=1.0, high=2.0, help="highest speed")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spectrograms import spec_stretch

    return InTraining(functools.partial(spec_stretch, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide spec_stretch."""
    return [Augmentation("spec_stretch", Params, build)]
