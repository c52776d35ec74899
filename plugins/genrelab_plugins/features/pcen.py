"""Per-channel energy normalisation: mel bands under a gain control that takes level and steady noise out.

Wang, Getreuer, Hughes, Lyon and Saurous, Trainable frontend for robust and far-field keyword spotting, ICASSP 2017,
arXiv:1607.05666; here with fixed parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from genrelab import Feature, hookimpl, one_of, setting, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Names and defaults of librosa.pcen."""

    gain: float = tunable(0.98, low=0.8, high=1.0, help="of the gain control; 1: level is taken out altogether")
    bias: float = tunable(2.0, low=0.1, high=20.0, log=True, help="what is quiet beside it is pressed down")
    power: float = tunable(0.5, low=0.05, high=1.0, help="of the root that compresses; smaller: more")
    time_constant: float = tunable(0.4, low=0.02, high=2.0, log=True, help="of the gain control, in seconds")
    n_fft: int = one_of(2048, [256, 512, 1024, 2048, 4096, 8192], help="window and FFT length, in samples")
    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")
    n_mels: int = tunable(128, low=8, high=512, help="mel bands")
    f_min: float = setting(0.0, low=0.0, help="lower edge of the lowest band, in Hz")
    f_max: float = setting(0.0, low=0.0, help="upper edge of the highest band, in Hz; 0: half the sample rate")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, n_mels, 1 + samples // hop_length).

    Values have no unit; they are at least 0, about 0.4 where the level is steady.

    Raises:
        InputError: the band edges do not fit the sample rate, or bands would hold no FFT bin.
    """
    from genrelab_plugins.features._pcen import Pcen

    return Pcen(sample_rate, **attrs.asdict(params))


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``pcen``."""
    return [Feature("pcen", Params, build)]
