"""Without what is below a random frequency, as from a small loudspeaker."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import attrs

from genrelab import Augmentation, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of high_pass."""

    low: float = tunable(20.0, low=10.0, high=20_000.0, log=True, help="lowest cut-off (-3 dB), Hz")
    high: float = tunable(2000.0, low=10.0, high=20_000.0, log=True, help="highest cut-off (-3 dB), Hz")
    order: int = tunable(2, low=1, high=8, help="of the Butterworth filter: 6 dB an octave each")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> same shape, identity in eval()."""
    from genrelab_plugins.augmentations._filters import high_pass
    from genrelab_plugins.augmentations._random import InTraining

    return InTraining(functools.partial(high_pass, sample_rate=sample_rate, **attrs.asdict(params)))


@hookimpl
def provide_augmentations() -> list[Augmentation]:
    """Provide high_pass."""
    return [Augmentation("high_pass", Params, build, domain="waveform")]
