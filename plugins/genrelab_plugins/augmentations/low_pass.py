"""Without what is above a random frequency, as through a wall."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of low_pass."""

    low: float = tunable(300.0, low=20.0, high=20_000.0, log=True, help="lowest cut-off (-3 dB), Hz")
    high: float = tunable(7500.0, low=20.0, high=20_000.0, log=True, help="highest cut-off (-3 dB), Hz")
    order: int = tunable(2, low=1, high=8, help="of the Butterworth filter: 6 dB an octave each")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._filters import low_pass
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(functools.partial(low_pass, sample_rate=sample_rate, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide low_pass."""
    return [Augmentation("low_pass", Params, build, domain="waveform")]
