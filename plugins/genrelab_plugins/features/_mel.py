"""Spectra in mel bands."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from genrelab import InputError
from genrelab_plugins.features._spectrum import PowerSpectrum, decibels

_GROUP = 16  # bands multiplied at once


class Mel(nn.Module):
    """(batch, samples) in -1..1 -> (batch, 1 + samples // hop_length, n_mels): magnitudes or powers in bands.

    Raises:
        InputError: the band edges do not fit the sample rate, or bands would hold no FFT bin.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        f_min: float,
        f_max: float,
        power: float = 2.0,
        mel_scale: str = "slaney",
        norm: str = "slaney",
    ) -> None:
        super().__init__()
        self.power = power
        self.spectrum = PowerSpectrum(n_fft, hop_length)
        self.bands = BandedProduct(mel_bank(sample_rate, n_fft, n_mels, f_min, f_max, mel_scale, norm))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectrum in bands."""
        power = self.spectrum(x)
        bands: Tensor = self.bands(power if self.power == 2 else power.sqrt_())
        return bands


class LogMel(nn.Module):
    """(batch, samples) in -1..1 -> (batch, n_mels, 1 + samples // hop_length) in dB.

    Equal to librosa's ``power_to_db(melspectrogram(y, ...), ref=np.max, top_db=top_db)``; with ``power=1`` to
    ``amplitude_to_db``.

    Args:
        sample_rate: Hz.
        ref: ``max``: 0 dB is the clip's maximum; ``one``: a power of 1.
        top_db: dB below the clip's maximum at which values are cut off.
        mel: what `Mel` takes beside the sample rate.

    Raises:
        InputError: the band edges do not fit the sample rate, or bands would hold no FFT bin.
    """

    def __init__(self, sample_rate: int, *, ref: str = "max", top_db: float, **mel: Any) -> None:
        super().__init__()
        self.mel = Mel(sample_rate, **mel)
        self.ref, self.top_db = ref, top_db

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectrogram in dB."""
        db = decibels(self.mel(x), power=self.mel.power, top_db=self.top_db)
        if self.ref == "max":
            db = db - db.amax((1, 2), keepdim=True)
        return db.mT.contiguous()


class BandedProduct(nn.Module):
    """x @ bank for a filter bank (bins, bands) whose bands each cover few neighbouring bins: (..., bands).

    Bands go in groups, each multiplied with the bins it covers: a third of the time of the dense product.
    """

    def __init__(self, bank: Tensor) -> None:
        super().__init__()
        self.groups: list[tuple[str, int, int]] = []
        for i, group in enumerate(torch.split(bank, _GROUP, dim=1)):
            covered = group.any(1).nonzero()
            first, last = int(covered[0]), int(covered[-1]) + 1
            self.register_buffer(f"weight{i}", group[first:last].contiguous(), persistent=False)
            self.groups.append((f"weight{i}", first, last))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply."""
        return torch.cat([x[..., a:b] @ self.get_buffer(weight) for weight, a, b in self.groups], -1)


def mel_bank(
    sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float, mel_scale: str, norm: str
) -> Tensor:
    """Return the triangular filters (n_fft / 2 + 1, n_mels).

    Raises:
        InputError: not 0 <= f_min < f_max <= sample_rate / 2, or filters that hold no FFT bin.
    """
    nyquist = sample_rate / 2
    f_max = f_max or nyquist
    if not f_min < f_max <= nyquist:
        raise InputError(
            f"mel bands: f_min {f_min:g} Hz and f_max {f_max:g} Hz must be in this order and not above "
            f"{nyquist:g} Hz, half the sample rate"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty bands, told of below
        bank: Tensor = melscale_fbanks(
            n_fft // 2 + 1, f_min, f_max, n_mels, sample_rate, None if norm == "none" else norm, mel_scale
        )
    empty = int((bank.amax(0) == 0).sum())
    if empty:
        raise InputError(
            f"mel bands: {empty} of {n_mels} bands hold no FFT bin at n_fft {n_fft}: lower n_mels or raise n_fft"
        )
    return bank
