"""A random part of the feature, stretched to the whole.

Niizumi et al., BYOL for Audio, IJCNN 2021, arXiv:2103.06695, after the crops of images of Szegedy et al., 2015.
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
    """Parameters of resized_crop."""

    bins: float = tunable(0.6, low=0.05, high=1.0, help="share of the bins that is kept at the least")
    frames: float = tunable(0.6, low=0.05, high=1.0, help="share of the frames that is kept at the least")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spectrograms import resized_crop

    return InTraining(functools.partial(resized_crop, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide resized_crop."""
    return [Augmentation("resized_crop", Params, build)]
