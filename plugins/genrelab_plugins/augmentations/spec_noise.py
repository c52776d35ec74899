"""Gaussian noise on every value of the feature."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of spec_noise."""

    sigma: float = tunable(0.003, low=1e-5, high=10.0, log=True, help="standard deviation, in the feature's unit")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spectrograms import spec_noise

    return InTraining(functools.partial(spec_noise, **attrs.asdict(params)), in_place=True)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide spec_noise."""
    return [Augmentation("spec_noise", Params, build)]
