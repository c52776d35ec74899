"""Upside down, for every other clip.

Spectrograms do not show it: it is for models that hear the waveform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Nothing to choose: each clip is turned with probability 0.5."""


def build(params: Params, sample_rate: int) -> nn.Module:  # noqa: ARG001 - what all for waveforms get
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._levels import polarity
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(polarity)


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide polarity."""
    return [Augmentation("polarity", Params, build, domain="waveform")]
