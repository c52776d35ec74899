"""Moved up or down by a few bins; emptied bins are 0."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of frequency_shift."""

    bins: int = tunable(2, low=0, high=64, help="up or down at the most")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spectrograms import frequency_shift

    return InTraining(functools.partial(frequency_shift, **attrs.asdict(params)), in_place=True)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide frequency_shift."""
    return [Augmentation("frequency_shift", Params, build)]
