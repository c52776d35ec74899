"""Waveforms played faster, slower, higher or lower, each by its own factor.

What is over before the clip is begins again, as with ``pad = "wrap"``: silence would tell which clips were changed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchaudio.functional import resample

from genrelab_plugins.augmentations._random import rms, uniform

_CROSSINGS = (
    16  # of zero, to each side of the resampling filter: the default lets through a tenth of what would alias
)
_AT_ONCE = 4  # clips whose spectra are in memory: those of 32 clips of 30 s would take 1.7 GB
_WINDOW_SECONDS = 0.09  # of the phase vocoder: 2048 samples at 22,050 Hz


def speed(x: Tensor, slowest: float, fastest: float) -> Tensor:
    """Play each waveform of (batch, samples) faster or slower, pitch and all."""
    return resampled(x, percents(uniform(x, slowest, fastest)), x.shape[1])


def time_stretch(x: Tensor, sample_rate: int, slowest: float, fastest: float) -> Tensor:
    """Play each waveform of (batch, samples) faster or slower at the same pitch."""
    return stretched(x, uniform(x, slowest, fastest)[:, 0], x.shape[1], sample_rate)


def pitch_shift(x: Tensor, sample_rate: int, semitones: float) -> Tensor:
    """Play each waveform of (batch, samples) higher or lower at the same tempo: stretched, then resampled."""
    percent = percents(2 ** (uniform(x, -semitones, semitones) / 12))
    longest = math.ceil(x.shape[1] * max(100, int(percent.max())) / 100)
    return resampled(stretched(x, 100 / percent.to(x.dtype), longest, sample_rate), percent, x.shape[1])


def percents(factors: Tensor) -> Tensor:
    """Round factors (batch, 1) to percents (batch,): resampling by a ratio of small numbers is fast."""
    return (100 * factors[:, 0]).round().long()


def resampled(x: Tensor, percent: Tensor, samples: int) -> Tensor:
    """Play each waveform of (batch, n) at a percentage (batch,) of its speed; return so many samples of it."""
    out = x.new_empty(len(x), samples)
    for factor in sorted(set(percent.tolist())):
        rows = percent == factor
        out[rows] = fitted(resample(x[rows], factor, 100, _CROSSINGS), samples)
    return out


def fitted(x: Tensor, samples: int) -> Tensor:
    """Cut waveforms (batch, n), or begin them again, to so many samples."""
    return x.repeat(1, -(-samples // x.shape[1]))[:, :samples]


def stretched(x: Tensor, rate: Tensor, samples: int, sample_rate: int) -> Tensor:
    """Play each waveform of (batch, n) at a rate (batch,), at the same pitch; return so many samples of it."""
    n_fft = 2 ** round(math.log2(_WINDOW_SECONDS * sample_rate))
    window = torch.hann_window(n_fft, dtype=x.dtype, device=x.device)
    parts = []
    for some, rates in zip(torch.split(x, _AT_ONCE), torch.split(rate, _AT_ONCE), strict=True):
        spectrum = torch.stft(some, n_fft, n_fft // 4, window=window, pad_mode="constant", return_complex=True)
        spectrum = vocoded(spectrum, rates, 1 + -(-samples // (n_fft // 4)))
        parts.append(torch.istft(spectrum, n_fft, n_fft // 4, window=window, length=samples))
    y = torch.cat(parts)
    return y * (rms(x) / rms(y))  # frames whose phases disagree are quieter


def vocoded(spectrum: Tensor, rate: Tensor, frames: int) -> Tensor:
    """Step through short-time spectra at another rate (phase vocoder).

    Flanagan and Golden, Phase Vocoder, Bell System Technical Journal 45, 1966. Magnitudes are interpolated; phases
    go on by the difference of the neighbouring frames.

    Args:
        spectrum: complex (batch, bins, n).
        rate: frames from one to the next, for each clip (batch,).
        frames: how many are wanted; after the last comes the first.

    Returns:
        (batch, bins, frames).
    """
    bins, n = spectrum.shape[1:]
    places = rate[:, None] * torch.arange(frames, device=rate.device)
    left = places.floor()
    first = left.long()[:, None] % n
    here, there = first.expand(-1, bins, -1), ((first + 1) % n).expand(-1, bins, -1)
    magnitude, phase = spectrum.abs(), spectrum.angle()
    advance = (phase.gather(2, there) - phase.gather(2, here))[:, :, :-1]
    angle = torch.cat([phase[:, :, :1], advance], 2).cumsum(2)
    between = torch.lerp(magnitude.gather(2, here), magnitude.gather(2, there), (places - left)[:, None])
    return torch.polar(between, angle)
