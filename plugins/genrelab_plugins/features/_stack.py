"""Harmony and timbre in a few bins: chroma, spectral contrast and tonnetz."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genrelab import InputError
from genrelab_plugins.features._chroma import Fold, divide
from genrelab_plugins.features._spectrum import PowerSpectrum, decibels

_QUANTILE = 0.02  # of a band's bins: its peaks and its valleys
_TOP_DB = 80.0


class SpectralStack(nn.Module):
    """(batch, samples) in -1..1 -> (batch, 12 + n_bands + 1 + 6, 1 + samples // hop_length).

    From the first bin on: chroma 0..1, contrast in dB, tonnetz -1..1.

    Raises:
        InputError: bands that the sample rate or the FFT is too low for.
    """

    def __init__(self, sample_rate: int, *, n_fft: int, hop_length: int, n_bands: int, f_min: float) -> None:
        super().__init__()
        self.spectrum = PowerSpectrum(n_fft, hop_length)
        self.chroma = Fold(sample_rate, n_fft, 12)
        self.contrast = Contrast(sample_rate, n_fft, n_bands, f_min)
        self.tonnetz = Tonnetz()

    def forward(self, x: Tensor) -> Tensor:
        """Compute the stack."""
        power = self.spectrum(x)
        chroma = self.chroma(power)
        parts = [chroma, self.contrast(power.sqrt_()), self.tonnetz(chroma)]
        return torch.cat(parts, -1).mT.contiguous()


class Contrast(nn.Module):
    """Magnitudes (batch, frames, n_fft / 2 + 1) -> (batch, frames, n_bands + 1): peaks over valleys in dB.

    Equal to ``librosa.feature.spectral_contrast`` (Jiang et al., Music type classification by spectral contrast
    feature, ICME 2002): one band below `f_min`, then octaves, the last up to half the sample rate.
    """

    def __init__(self, sample_rate: int, n_fft: int, n_bands: int, f_min: float) -> None:
        super().__init__()
        edges = [0.0, *(f_min * 2.0**k for k in range(n_bands + 1))]
        if edges[-2] >= sample_rate / 2:
            raise InputError(
                f"spectral_stack: band {n_bands} would begin at {edges[-2]:g} Hz, not below half the sample rate, "
                f"{sample_rate / 2:g} Hz: lower n_bands or f_min"
            )
        hz = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
        self.bands = [_band(hz, edges, k) for k in range(n_bands + 1)]

    def forward(self, magnitude: Tensor) -> Tensor:
        """Compute the contrast."""
        valleys, peaks = [], []
        for first, end, count in self.bands:
            band = magnitude[..., first:end]
            valleys.append(band.topk(count, largest=False, sorted=False).values.mean(-1))
            peaks.append(band.topk(count, sorted=False).values.mean(-1))
        # Magnitudes taken for powers, as in librosa: half the decibels, the same information.
        peak, valley = (decibels(torch.stack(x, -1), power=2, top_db=_TOP_DB) for x in (peaks, valleys))
        return peak - valley


def _band(hz: Tensor, edges: list[float], k: int) -> tuple[int, int, int]:
    """Return first bin, end and number of peaks of a band; as in librosa, a band has one bin of that below it."""
    within = ((hz >= edges[k]) & (hz <= edges[k + 1])).nonzero()
    if len(within) < 2:
        raise InputError(
            f"spectral_stack: band {k} ({edges[k]:g} to {edges[k + 1]:g} Hz) holds too few FFT bins: "
            "raise n_fft or f_min"
        )
    is_last = k == len(edges) - 2
    first = int(within[0]) - (k > 0)
    end = len(hz) if is_last else int(within[-1])
    return first, end, max(1, round(_QUANTILE * (end - first + (not is_last))))


class Tonnetz(nn.Module):
    """Chroma (batch, frames, 12) -> (batch, frames, 6) in -1..1: place on the circles of fifths and thirds.

    Equal to ``librosa.feature.tonnetz(chroma=...)`` (Harte, Sandler and Gasser, Detecting harmonic change in
    musical audio, 2006): sine and cosine of the angle on the circles of fifths, minor thirds and, by half, major
    thirds.
    """

    basis: Tensor

    def __init__(self) -> None:
        super().__init__()
        turns = torch.tensor([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3], dtype=torch.float64)
        phase = turns[:, None] * torch.arange(12) - torch.tensor([0.5, 0.0] * 3)[:, None]  # sine, cosine
        radius = torch.tensor([1, 1, 1, 1, 0.5, 0.5])[:, None]
        basis = radius * torch.cos(torch.pi * phase)
        self.register_buffer("basis", basis.T.float().contiguous(), persistent=False)

    def forward(self, chroma: Tensor) -> Tensor:
        """Project."""
        return divide(chroma, chroma.sum(-1, keepdim=True)) @ self.basis
