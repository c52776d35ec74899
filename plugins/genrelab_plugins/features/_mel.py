"""The torch module of the log-mel spectrogram."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from genrelab import InputError

_POWER_FLOOR = 1e-10  # the amin of librosa.power_to_db
_GROUP = 16  # bands multiplied at once


class LogMel(nn.Module):
    """(batch, samples) in -1..1 -> (batch, n_mels, 1 + samples // hop_length) in dB.

    Frames are centred: frame t is about sample t * hop_length, with zeros beyond the ends. Equal to librosa's
    ``power_to_db(melspectrogram(y, ...), ref=np.max, top_db=top_db)``; with ``power=1`` to ``amplitude_to_db``.

    Raises:
        InputError: the band edges do not fit the sample rate, or bands would hold no FFT bin.
    """

    window: Tensor

    def __init__(
        self,
        sample_rate: int,
        *,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        f_min: float,
        f_max: float,
        power: float,
        mel_scale: str,
        norm: str,
        ref: str,
        top_db: float,
    ) -> None:
        super().__init__()
        self.n_fft, self.hop_length, self.power = n_fft, hop_length, power
        self.ref, self.top_db = ref, top_db
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        bank = mel_bank(sample_rate, n_fft, n_mels, f_min, f_max, mel_scale, norm)
        self.mel = BandedProduct(bank)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the spectrogram in dB."""
        # Zeros by hand: stft's own padding fails on clips shorter than half a window.
        x = nn.functional.pad(x, (self.n_fft // 2, self.n_fft // 2))
        spectrum = torch.stft(
            x, self.n_fft, self.hop_length, window=self.window, center=False, return_complex=True
        ).mT  # (batch, frames, n_fft / 2 + 1); contiguous this way
        power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)  # 3 times faster than abs()
        return self._decibels(self.mel(power if self.power == 2 else power.sqrt_())).mT.contiguous()

    def _decibels(self, mel: Tensor) -> Tensor:
        db = (20 / self.power) * mel.clamp_min_(_POWER_FLOOR ** (self.power / 2)).log10_()
        top = db.amax((1, 2), keepdim=True)
        db = torch.maximum(db, top - self.top_db)
        return db - top if self.ref == "max" else db


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
            f"log_mel: f_min {f_min:g} Hz and f_max {f_max:g} Hz must be in this order and not above "
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
            f"log_mel: {empty} of {n_mels} bands hold no FFT bin at n_fft {n_fft}: lower n_mels or raise n_fft"
        )
    return bank
