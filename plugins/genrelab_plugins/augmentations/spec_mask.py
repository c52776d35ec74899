"""Frequency and time masks of SpecAugment, drawn anew for each clip.

Park et al., SpecAugment, Interspeech 2019, arXiv:1904.08779.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of spec_mask."""

    freq_masks: int = tunable(2, low=0, high=10, help="masked bands of a clip")
    freq_width: int = tunable(10, low=0, high=128, help="widest masked band, bins")
    time_masks: int = tunable(2, low=0, high=10, help="masked stretches of time of a clip")
    time_width: int = tunable(20, low=0, high=1000, help="longest masked stretch, frames")
    fill: str = one_of(
        "min", ["min", "mean", "zero"], help="masked values become the clip's minimum, its mean or 0"
    )


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._random import InTraining
    from genrelab_plugins.augmentations._spec_mask import spec_mask

    return InTraining(functools.partial(spec_mask, **attrs.asdict(params)), in_place=True)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide spec_mask."""
    return [Augmentation("spec_mask", Params, build)]
