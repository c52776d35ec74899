"""Moved along time, around the ends of the clip."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of time_shift."""

    share: float = tunable(0.15, low=0.0, high=0.5, help="of the frames, forwards or backwards at the most")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spectrograms import time_shift

    return InTraining(functools.partial(time_shift, **attrs.asdict(params)), in_place=True)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide time_shift."""
    return [Augmentation("time_shift", Params, build)]
