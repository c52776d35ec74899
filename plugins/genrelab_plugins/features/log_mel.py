"""Log-mel spectrogram: the power spectrum in bands as wide as hearing resolves them, in decibels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from genrelab import Feature, hookimpl, one_of, setting, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Names and defaults of librosa.feature.melspectrogram and librosa.power_to_db(ref=np.max)."""

    n_fft: int = one_of(2048, [256, 512, 1024, 2048, 4096, 8192], help="window and FFT length, in samples")
    hop_length: int = tunable(512, low=32, high=8192, log=True, help="samples from one frame to the next")
    n_mels: int = tunable(128, low=8, high=512, help="mel bands")
    f_min: float = setting(0.0, low=0.0, help="lower edge of the lowest band, in Hz")
    f_max: float = setting(0.0, low=0.0, help="upper edge of the highest band, in Hz; 0: half the sample rate")
    power: float = one_of(2.0, [1.0, 2.0], help="bands sum magnitudes (1) or powers (2)")
    mel_scale: str = one_of("slaney", ["slaney", "htk"], help="formula of the mel scale")
    norm: str = one_of("slaney", ["slaney", "none"], help="slaney: bands of equal area; none: of equal height")
    ref: str = one_of("max", ["max", "one"], help="0 dB is the clip's maximum, or a power of 1")
    top_db: float = setting(80.0, low=1.0, help="dB below the clip's maximum at which values are cut off")


def build(params: Params, sample_rate: int) -> nn.Module:
    """Build the module: (batch, samples) -> (batch, n_mels, 1 + samples // hop_length), in dB.

    Raises:
        InputError: the band edges do not fit the sample rate, or bands would hold no FFT bin.
    """
    from genrelab_plugins.features._mel import LogMel

    return LogMel(sample_rate, **attrs.asdict(params))


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``log_mel``."""
    return [Feature("log_mel", Params, build)]
