"""Random filters: bands of the feature raised and lowered.

Nam, Kim and Park, FilterAugment: An Acoustic Environmental Data Augmentation Method, ICASSP 2022, arXiv:2110.03282.
For features in dB, where a filter adds.
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
    """Parameters of filter_augment."""

    fewest: int = tunable(3, low=1, high=32, help="bands at the least")
    most: int = tunable(5, low=1, high=32, help="bands at the most")
    narrowest: int = tunable(6, low=1, high=128, help="band, bins")
    amount: float = tunable(0.075, low=0.001, high=60.0, log=True, help="change at the most, in the feature's unit")
    shape: str = one_of("linear", ["linear", "step"], help="straight lines between edges, or level bands")


def build(params: Params) -> nn.Module:
    """Build the module: (batch, bins, frames) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._filter_augment import filter_augment
    from genrelab_plugins.augmentations._random import InTraining

    change = functools.partial(
        filter_augment,
        fewest=min(params.fewest, params.most),
        most=max(params.fewest, params.most),
        narrowest=params.narrowest,
        amount=params.amount,
        linear=params.shape == "linear",
    )
    return InTraining(change)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide filter_augment."""
    return [Augmentation("filter_augment", Params, build)]
