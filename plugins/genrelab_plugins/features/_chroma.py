"""Pitch classes: the energy of a spectrum folded into one octave."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrelab_plugins.features._spectrum import PowerSpectrum

_A0 = 27.5  # Hz
_CENTRE, _SPREAD = 5.0, 2.0  # octaves above A0: a Gaussian weight, most of it where melodies are


class Chroma(nn.Module):
    """(batch, samples) -> (batch, n_chroma, 1 + samples // hop_length) in 0..1; from C upwards."""

    def __init__(self, sample_rate: int, *, n_fft: int, hop_length: int, n_chroma: int) -> None:
        super().__init__()
        self.spectrum = PowerSpectrum(n_fft, hop_length)
        self.fold = Fold(sample_rate, n_fft, n_chroma)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the chromagram."""
        chroma: Tensor = self.fold(self.spectrum(x))
        return chroma.mT.contiguous()


class Fold(nn.Module):
    """Power spectra (batch, frames, n_fft / 2 + 1) -> (batch, frames, n_chroma), each frame's largest being 1.

    Equal to ``librosa.feature.chroma_stft(tuning=0)``. A silent frame is 0.
    """

    bank: Tensor

    def __init__(self, sample_rate: int, n_fft: int, n_chroma: int) -> None:
        super().__init__()
        self.register_buffer("bank", chroma_bank(sample_rate, n_fft, n_chroma), persistent=False)

    def forward(self, power: Tensor) -> Tensor:
        """Fold."""
        classes = power @ self.bank
        return divide(classes, classes.amax(-1, keepdim=True))


def divide(x: Tensor, length: Tensor) -> Tensor:
    """Return x / length, and x where the length is as good as 0."""
    return x / length.masked_fill(length < torch.finfo(length.dtype).tiny, 1)


def chroma_bank(sample_rate: int, n_fft: int, n_chroma: int) -> Tensor:
    """Return the weights (n_fft / 2 + 1, n_chroma) of ``librosa.filters.chroma``, A being 440 Hz.

    Each bin goes to the pitch classes about it by a Gaussian as wide as the bin (Ellis, Chroma feature analysis and
    synthesis, 2007).
    """
    hz = torch.arange(1, n_fft, dtype=torch.float64) * sample_rate / n_fft
    pitch = n_chroma * torch.log2(hz / _A0)
    pitch = torch.cat([pitch[:1] - 1.5 * n_chroma, pitch])  # 0 Hz has none: far enough below the first bin
    width = torch.cat([pitch.diff().clamp_min(1), pitch.new_ones(1)])
    distance = pitch - torch.arange(n_chroma)[:, None]
    half = n_chroma // 2
    distance = torch.remainder(distance + half, n_chroma) - half
    weights = torch.exp(-0.5 * (2 * distance / width) ** 2)  # (n_chroma, n_fft)
    weights = weights / weights.norm(dim=0)
    weights = weights * torch.exp(-0.5 * ((pitch / n_chroma - _CENTRE) / _SPREAD) ** 2)
    from_c = weights.roll(-3 * (n_chroma // 12), 0)
    bank: Tensor = from_c[:, : n_fft // 2 + 1].T.float().contiguous()
    return bank
