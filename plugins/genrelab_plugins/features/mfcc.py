"""Mel-frequency cepstral coefficients: the coarse shape of the spectrum in few numbers, nearly uncorrelated.

Davis and Mermelstein, Comparison of parametric representations for monosyllabic word recognition in continuously
spoken sentences, IEEE Transactions on Acoustics, Speech and Signal Processing 28, 1980.
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
    """Names and defaults of librosa.feature.mfcc and librosa.feature.delta."""

    n_mfcc: int = tunable(20, low=4, high=128, help="coefficients, from the lowest; the first is the level")
    deltas: int = one_of(0, [0, 1, 2], help="slopes along time to append: none, first, first and second")
    width: int = one_of(9, [3, 5, 7, 9, 13, 17, 25], help="frames that a slope is fitted to")
    n_fft: int = one_of(2048, [256, 512, 1024, 2048, 4096, 8192], help="window and FFT length, in samples")
    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")
    n_mels: int = tunable(128, low=8, high=512, help="mel bands")
    f_min: float = setting(0.0, low=0.0, help="lower edge of the lowest band, in Hz")
    f_max: float = setting(0.0, low=0.0, help="upper edge of the highest band, in Hz; 0: half the sample rate")
    top_db: float = setting(80.0, low=1.0, help="dB below the clip's maximum at which values are cut off")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, (1 + deltas) * n_mfcc, 1 + samples // hop_length).

    The unit is dB times the root of n_mels; slopes are by frame.

    Raises:
        InputError: more coefficients than bands, or bands that do not fit sample rate and FFT.
    """
    from torch.nn import Sequential

    from genrelab_plugins.features._cepstrum import Mfcc
    from genrelab_plugins.features._deltas import Deltas

    chosen = attrs.asdict(params)
    deltas = Deltas(chosen.pop("deltas"), chosen.pop("width"))
    return Sequential(Mfcc(sample_rate, **chosen), deltas)


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``mfcc``."""
    return [Feature("mfcc", Params, build)]
