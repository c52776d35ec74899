"""Chroma, spectral contrast and tonnetz stacked: harmony and timbre in 25 bins.

Fujishima, Realtime chord recognition of musical sound, ICMC 1999. Jiang, Lu, Zhang, Tao and Cai, Music type
classification by spectral contrast feature, ICME 2002. Harte, Sandler and Gasser, Detecting harmonic change in
musical audio, ACM Multimedia workshop 2006. The three have different units: normalise each band
(``normalization = "band"`` or ``"training_set"``).
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
    """Names and defaults of librosa.feature.chroma_stft and librosa.feature.spectral_contrast."""

    n_fft: int = one_of(2048, [1024, 2048, 4096, 8192], help="window and FFT length, in samples")
    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")
    n_bands: int = tunable(6, low=2, high=8, help="octaves of the contrast")
    f_min: float = setting(200.0, low=20.0, help="lower edge of the lowest octave of the contrast, in Hz")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, 12 + n_bands + 1 + 6, 1 + samples // hop_length).

    From the first bin on: chroma in 0..1 from C upwards; contrast from low to high in dB; tonnetz in -1..1.

    Raises:
        InputError: bands of the contrast that the sample rate or the FFT is too low for.
    """
    from genrelab_plugins.features._stack import SpectralStack

    return SpectralStack(sample_rate, **attrs.asdict(params))


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``spectral_stack``."""
    return [Feature("spectral_stack", Params, build)]
