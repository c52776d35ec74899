"""The torch module of mel-frequency cepstral coefficients."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torchaudio.functional import create_dct

from genrelab import InputError
from genrelab_plugins.features._mel import LogMel


class Mfcc(nn.Module):
    """(batch, samples) in -1..1 -> (batch, n_mfcc, 1 + samples // hop_length).

    Equal to ``librosa.feature.mfcc``: the orthonormal DCT-II over the mel bands of their power in dB.

    Args:
        sample_rate: Hz.
        n_mfcc: coefficients, from the lowest.
        n_mels: bands.
        log_mel: what `LogMel` takes beside these.

    Raises:
        InputError: more coefficients than bands, or bands that do not fit.
    """

    dct: Tensor

    def __init__(self, sample_rate: int, *, n_mfcc: int, n_mels: int, **log_mel: Any) -> None:
        super().__init__()
        if n_mfcc > n_mels:
            raise InputError(f"mfcc: {n_mfcc} coefficients of {n_mels} bands: lower n_mfcc or raise n_mels")
        self.log_mel = LogMel(sample_rate, n_mels=n_mels, ref="one", **log_mel)
        self.register_buffer("dct", create_dct(n_mfcc, n_mels, "ortho").T.contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the coefficients."""
        log_mel: Tensor = self.log_mel(x)
        return self.dct @ log_mel
