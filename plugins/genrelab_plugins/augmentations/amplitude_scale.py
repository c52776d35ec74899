"""Features multiplied by a factor near 1."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of amplitude_scale."""

    low: float = tunable(0.8, low=0.0, high=1.0, help="smallest factor")
    high: float = tunable(1.2, low=1.0, high=10.0, help="largest factor")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spectrograms import amplitude_scale

    return InTraining(functools.partial(amplitude_scale, **attrs.asdict(params)), in_place=True)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide amplitude_scale."""
    return [Augmentation("amplitude_scale", Params, build)]
