"""Noise, added to waveforms at a signal-to-noise ratio that is drawn for each."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from genrelab import InputError, WorkError, read_mono
from genrelab_plugins.augmentations._random import ratio, rms, uniform

_SLOPES = {"white": 0.0, "pink": 0.5, "brown": 1.0}  # powers of 1 / frequency by which amplitudes fall


def gaussian_noise(x: Tensor, low_snr: float, high_snr: float) -> Tensor:
    """Add white noise to each waveform of (batch, samples)."""
    return mixed(x, torch.randn_like(x), uniform(x, low_snr, high_snr))


def colored_noise(x: Tensor, color: str, low_snr: float, high_snr: float) -> Tensor:
    """Add noise whose power falls by 0 (white), 3 (pink) or 6 dB (brown) an octave, to each of (batch, samples)."""
    return mixed(x, colored(torch.randn_like(x), color), uniform(x, low_snr, high_snr))


class RecordedNoise(nn.Module):
    """Add a random part of recordings (samples,) to each waveform of (batch, samples); identity in eval()."""

    bank: Tensor

    def __init__(self, bank: Tensor, low_snr: float, high_snr: float) -> None:
        super().__init__()
        self.register_buffer("bank", bank, persistent=False)
        self.low_snr, self.high_snr = low_snr, high_snr

    def forward(self, x: Tensor) -> Tensor:
        """Add noise."""
        if not self.training:
            return x
        start = torch.randint(len(self.bank), (len(x), 1), device=x.device)
        places = (start + torch.arange(x.shape[1], device=x.device)) % len(self.bank)
        return mixed(x, self.bank[places], uniform(x, self.low_snr, self.high_snr))


def mixed(x: Tensor, noise: Tensor, snr: Tensor) -> Tensor:
    """Add noise (batch, samples) to waveforms (batch, samples), so many dB (batch, 1) below each."""
    return x + noise * (rms(x) / rms(noise) / ratio(snr))


def colored(white: Tensor, color: str) -> Tensor:
    """Give white noise (batch, samples) the spectrum of another colour; without an offset, at any level."""
    spectrum = torch.fft.rfft(white)
    number = torch.arange(spectrum.shape[-1], device=white.device, dtype=white.dtype)
    weights = number.clamp_min(1) ** -_SLOPES[color] * (number > 0)
    noise: Tensor = torch.fft.irfft(spectrum * weights, n=white.shape[-1])
    return noise


def read_bank(folder: str, sample_rate: int, seconds: float) -> Tensor:
    """Read the audio files of a folder and of those below it, in order, one after the other: (samples,).

    Args:
        folder: where they are.
        sample_rate: Hz.
        seconds: of audio that are read at the most.

    Raises:
        InputError: no such folder, no file in it, or one that cannot be used.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise InputError(f"background_noise: folder {root} is not a folder")
    files = [f for f in sorted(root.rglob("*")) if f.is_file() and not f.name.startswith(".")]
    parts, left = [], seconds
    for file in files:
        if left <= 0:
            break
        try:
            parts.append(read_mono(os.fspath(file), sample_rate, left))
        except WorkError as error:
            raise InputError(f"background_noise: {error}; take it out of the folder") from error
        left -= len(parts[-1]) / sample_rate
    if not parts:
        raise InputError(f"background_noise: no files in {root}")
    return torch.from_numpy(np.concatenate(parts))
