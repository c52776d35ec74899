"""Bands of frequency and time of each clip from another one, with labels mixed by area.

Kim, Han and Ko, SpecMix: A Mixed Sample Data Augmentation Method for Training with Time-Frequency Domain Features,
Interspeech 2021, arXiv:2108.03020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of specmix."""

    share: float = tunable(0.3, low=0.01, high=0.9, help="width of a band, of the bins or frames")
    freq_bands: int = tunable(3, low=0, high=10, help="bands of bins at the most")
    time_bands: int = tunable(3, low=0, high=10, help="bands of frames at the most")


def build(params: Params) -> nn.Module:
    """Build the module: (x (batch, bins, frames), y (batch, classes)) -> the same, mixed; identity in eval()."""
    from genrelab_plugins.augmentations._mixing import SpecMix

    return SpecMix(params.share, params.freq_bands, params.time_bands)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide specmix."""
    return [Augmentation("specmix", Params, build, domain="batch")]
