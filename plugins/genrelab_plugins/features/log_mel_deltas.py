"""Log-mel spectrogram with its slopes along time.

Piczak, Environmental sound classification with convolutional neural networks, MLSP 2015, gave a network both.
The slopes lie above the spectrogram, bin upon bin, and are small beside it: normalise each band
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
    """Names and defaults of librosa.feature.melspectrogram, librosa.power_to_db and librosa.feature.delta."""

    deltas: int = one_of(1, [1, 2], help="slopes to append: first, first and second")
    width: int = one_of(9, [3, 5, 7, 9, 13, 17, 25], help="frames that a slope is fitted to")
    n_fft: int = one_of(2048, [256, 512, 1024, 2048, 4096, 8192], help="window and FFT length, in samples")
    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")
    n_mels: int = tunable(128, low=8, high=512, help="mel bands")
    f_min: float = setting(0.0, low=0.0, help="lower edge of the lowest band, in Hz")
    f_max: float = setting(0.0, low=0.0, help="upper edge of the highest band, in Hz; 0: half the sample rate")
    top_db: float = setting(80.0, low=1.0, help="dB below the clip's maximum at which values are cut off")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, (1 + deltas) * n_mels, 1 + samples // hop_length).

    In dB below the clip's maximum, then in dB a frame, then in dB a frame squared.

    Raises:
        InputError: the band edges do not fit the sample rate, or bands would hold no FFT bin.
    """
    from torch.nn import Sequential

    from genrelab_plugins.features._deltas import Deltas
    from genrelab_plugins.features._mel import LogMel

    chosen = attrs.asdict(params)
    deltas = Deltas(chosen.pop("deltas"), chosen.pop("width"))
    return Sequential(LogMel(sample_rate, **chosen), deltas)


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``log_mel_deltas``."""
    return [Feature("log_mel_deltas", Params, build)]
