"""Waveforms through filters and rooms: products of spectra, for all clips at once and on any device."""

from __future__ import annotations

import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from genrelab_plugins.augmentations._random import ratio, rms, uniform

_RINGING = 0.1  # seconds of silence around clips, for what a filter adds beyond their ends


def low_pass(x: Tensor, sample_rate: int, low: float, high: float, order: int) -> Tensor:
    """Take what is above a random frequency from each waveform of (batch, samples)."""
    return filtered(x, sample_rate, _frequencies(x, low, high), order)


def high_pass(x: Tensor, sample_rate: int, low: float, high: float, order: int) -> Tensor:
    """Take what is below a random frequency from each waveform of (batch, samples)."""
    return filtered(x, sample_rate, _frequencies(x, low, high), -order)


def filtered(x: Tensor, sample_rate: int, cutoff: Tensor, order: int) -> Tensor:
    """Filter waveforms (batch, samples) by the magnitude of a Butterworth filter, without delay.

    Args:
        x: waveforms.
        sample_rate: Hz.
        cutoff: frequency at which each is 3 dB down, Hz (batch, 1).
        order: 6 dB an octave each; below 0 for a high-pass.
    """
    n = next_fast_len(x.shape[1] + round(_RINGING * sample_rate), True)
    frequency = torch.fft.rfftfreq(n, 1 / sample_rate, dtype=x.dtype, device=x.device)
    relative = frequency / cutoff if order > 0 else cutoff / frequency.clamp_min(1e-3)
    response = (1 + relative ** (2 * abs(order))).rsqrt()
    y: Tensor = torch.fft.irfft(torch.fft.rfft(x, n) * response, n)
    return y[:, : x.shape[1]]


def reverb(
    x: Tensor, sample_rate: int, shortest: float, longest: float, low_ratio: float, high_ratio: float
) -> Tensor:
    """Play each waveform of (batch, samples) in a random room; the level stays.

    Args:
        x: waveforms.
        sample_rate: Hz.
        shortest: time in which the room's sound falls by 60 dB, seconds.
        longest: the same at the most.
        low_ratio: direct sound above the room's, in dB.
        high_ratio: the same at the most.
    """
    response = room(x, sample_rate, uniform(x, shortest, longest), max(shortest, longest))
    played = x + convolved(x, response) / ratio(uniform(x, low_ratio, high_ratio))
    return played * (rms(x) / rms(played))


def room(x: Tensor, sample_rate: int, decay: Tensor, longest: float) -> Tensor:
    """Draw impulse responses of rooms, without the direct sound: noise that dies away, of energy 1.

    Args:
        x: waveforms, for their number, dtype and device.
        sample_rate: Hz.
        decay: time in which each falls by 60 dB, seconds (batch, 1).
        longest: of these, seconds.
    """
    t = torch.arange(1 + math.ceil(longest * sample_rate), dtype=x.dtype, device=x.device) / sample_rate
    noise = torch.randn(len(x), len(t), dtype=x.dtype, device=x.device) * (t > 0)
    response = noise * ratio(-60 * t / decay)
    return response / response.square().sum(1, keepdim=True).sqrt()


def convolved(x: Tensor, response: Tensor) -> Tensor:
    """Convolve each waveform of (batch, samples) with its impulse response (batch, n); cut to the same length."""
    n = next_fast_len(x.shape[1] + response.shape[1] - 1, True)  # ten times faster than an unlucky length
    y: Tensor = torch.fft.irfft(torch.fft.rfft(x, n) * torch.fft.rfft(response, n), n)
    return y[:, : x.shape[1]]


def _frequencies(x: Tensor, low: float, high: float) -> Tensor:
    """Draw a frequency for each clip, evenly in octaves: (batch, 1)."""
    return uniform(x, math.log(low), math.log(high)).exp()
