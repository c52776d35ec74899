"""The power spectrum and decibels, for every feature that is made of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_POWER_FLOOR = 1e-10  # the amin of librosa.power_to_db


class PowerSpectrum(nn.Module):
    """(batch, samples) -> (batch, 1 + samples // hop_length, n_fft / 2 + 1): squared magnitudes.

    Frames are Hann-windowed and centred: frame t is about sample t * hop_length, with zeros beyond the ends,
    as in librosa.stft.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectrum."""
        # Zeros by hand: stft's own padding fails on clips shorter than half a window.
        x = nn.functional.pad(x, (self.n_fft // 2, self.n_fft // 2))
        spectrum = torch.stft(
            x, self.n_fft, self.hop_length, window=self.window, center=False, return_complex=True
        ).mT  # (batch, frames, n_fft / 2 + 1); contiguous this way
        return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)  # 3 times faster than abs()


def decibels(x: Tensor, *, power: float, top_db: float) -> Tensor:
    """Turn spectra (batch, ., .) into dB, cut off `top_db` below the maximum of each clip; overwrites `x`.

    Args:
        x: magnitudes (power 1) or powers (power 2).
        power: which of the two; values below 1e-10 as a power count as that.
        top_db: range that is kept, in dB.
    """
    db = (20 / power) * x.clamp_min_(_POWER_FLOOR ** (power / 2)).log10_()
    return torch.maximum(db, db.amax((1, 2), keepdim=True) - top_db)
