"""The torch module of the constant-Q transform."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab import InputError
from genrelab_plugins.features._spectrum import decibels

_HANN_BANDWIDTH = 1.5  # equivalent noise bandwidth of the window, in FFT bins


class ConstantQ(nn.Module):
    """(batch, samples) in -1..1 -> (batch, n_octaves * bins_per_octave, 1 + samples // hop_length) in dB.

    Every bin is the product of the samples with its own windowed tone, octave by octave, at the full sample rate:
    what librosa.cqt approximates by resampling and thinned-out spectra. 0 dB is the clip's maximum.

    Raises:
        InputError: the highest bin is above half the sample rate.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        hop_length: int,
        f_min: float,
        n_octaves: int,
        bins_per_octave: int,
        gamma: float,
        top_db: float,
    ) -> None:
        super().__init__()
        self.hop_length, self.top_db, self.n_octaves = hop_length, top_db, n_octaves
        bins = torch.arange(n_octaves * bins_per_octave, dtype=torch.float64)
        hz = f_min * 2 ** (bins / bins_per_octave)
        ratio = 2 ** (2 / bins_per_octave)
        bandwidth = (ratio - 1) / (ratio + 1) * hz + gamma  # Hz
        highest = float(hz[-1] + _HANN_BANDWIDTH / 2 * bandwidth[-1])
        if highest > sample_rate / 2:
            raise InputError(
                f"cqt: {n_octaves} octaves from {f_min:g} Hz reach {highest:.0f} Hz, above half the sample rate, "
                f"{sample_rate / 2:g} Hz: lower n_octaves or f_min"
            )
        for i in range(n_octaves):
            octave = slice(i * bins_per_octave, (i + 1) * bins_per_octave)
            kernels = _kernels(hz[octave] / sample_rate, sample_rate / bandwidth[octave])
            self.register_buffer(f"octave{i}", kernels, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the transform."""
        magnitude = torch.cat([self._octave(x, self.get_buffer(f"octave{i}")) for i in range(self.n_octaves)], 1)
        db = decibels(magnitude, power=1, top_db=self.top_db)
        return db - db.amax((1, 2), keepdim=True)

    def _octave(self, x: Tensor, kernels: Tensor) -> Tensor:
        """Return the magnitudes (batch, bins_per_octave, frames)."""
        half = kernels.shape[-1] // 2
        padded = F.pad(x, (half, half))[:, None]  # not by conv1d, which then takes a path 100 times slower
        real, imaginary = F.conv1d(padded, kernels, stride=self.hop_length).chunk(2, 1)
        return torch.hypot(real, imaginary)


def _kernels(tones: Tensor, lengths: Tensor) -> Tensor:
    """Return (2 * bins, 1, longest): cosine and sine parts of Hann-windowed tones, centred.

    Args:
        tones: (bins,) frequencies, cycles a sample.
        lengths: (bins,) of the windows, samples.
    """
    longest = 2 * int(lengths.amax() / 2 + 1)  # even, so that half of it is a whole number of samples
    n = torch.arange(longest, dtype=torch.float64) - longest // 2
    position = (n[:, None] / lengths).clamp(-0.5, 0.5)
    window = torch.cos(torch.pi * position).square()
    # Windows of unit sum, and the square root of the length: white noise is as loud in every bin.
    window = window / window.sum(0) * lengths.sqrt()
    angle = 2 * torch.pi * n[:, None] * tones
    return torch.cat([window * angle.cos(), window * angle.sin()], 1).float().T[:, None].contiguous()
