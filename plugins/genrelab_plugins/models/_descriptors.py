"""Descriptors of a clip's sound that nobody has to learn: timbre, its changes, and rhythm."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchaudio.functional import create_dct

KINDS = ("timbre", "contrast", "changes", "rhythm")

_COEFFICIENTS = 20
_MOVING = 13  # coefficients whose changes over several lags are looked at
_LAGS = (1, 2, 4, 8, 16, 32)  # frames
_GROUPS = 8  # of neighbouring bins, for contrast and rhythm
_RATES = 10  # bands of modulation frequency
_SLOWEST = 1 / 54  # cycles a frame; 0.8 Hz at 22,050 Hz and hop_length 512
_FFT = 512  # at the least, so that each band has lines
_SMALLEST = 1e-3  # dB; a logarithm of less would say how silence was rounded


class Descriptors(nn.Module):
    """Spectrograms in dB (batch, bins, frames) -> (batch, values).

    Args:
        bins: of the spectrogram, 16 or more; mel bands.
        weights: of the kinds of descriptor, those of 0 are left out:
            timbre: moments of cepstral coefficients.
            contrast: how far peaks stand out of valleys (Jiang, Lu, Zhang, Tao and Cai, Music type classification
                by spectral contrast feature, ICME 2002), here of mel bands.
            changes: how much cepstral coefficients change over 1 to 32 frames.
            rhythm: strength of onsets, and the spectrum of their repetition (as McKinney and Breebaart, Features
                for audio and music classification, ISMIR 2003).
    """

    dct: Tensor

    def __init__(self, bins: int, weights: Mapping[str, float]) -> None:
        super().__init__()
        dct = create_dct(min(_COEFFICIENTS, bins), bins, "ortho").T.contiguous()
        self.register_buffer("dct", dct, persistent=False)
        moving = min(_MOVING, len(dct))
        sizes = {
            "timbre": 3 * len(dct),
            "contrast": 3 * _GROUPS,
            "changes": moving * len(_LAGS),
            "rhythm": _GROUPS * (2 + _RATES),
        }
        self.sizes = {kind: size for kind, size in sizes.items() if weights[kind]}
        self.values = sum(self.sizes.values())

    def forward(self, x: Tensor) -> Tensor:
        """Compute all that are wanted."""
        cepstrum = self.dct @ x
        compute = {
            "timbre": lambda: _moments(cepstrum),
            "contrast": lambda: _moments(torch.stack([_contrast(group) for group in _groups(x)], 1)),
            "changes": lambda: _changes(cepstrum[:, :_MOVING]),
            "rhythm": lambda: _rhythm(torch.stack([group.mean(1) for group in _groups(x)], 1)),
        }
        return torch.cat([compute[kind]() for kind in self.sizes], 1)


class Weigh(nn.Module):
    """Multiply the values of each kind by its weight, (batch, values), same out: what weighs less is learned less.

    Gradient and weight decay hold a classifier's coefficients back alike, so a kind of small values must tell more
    to be heard.
    """

    weights: Tensor

    def __init__(self, sizes: Mapping[str, int], weights: Mapping[str, float]) -> None:
        super().__init__()
        values = torch.cat([torch.full((size,), weights[kind]) for kind, size in sizes.items()])
        self.register_buffer("weights", values, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply."""
        return x * self.weights


def _groups(x: Tensor) -> tuple[Tensor, ...]:
    return x.tensor_split(_GROUPS, 1)


def _moments(x: Tensor) -> Tensor:
    """Return mean, deviation, deviation of the change between frames: (batch, n, frames) -> (batch, 3 n)."""
    return torch.cat([x.mean(2), _deviation(x), _deviation(x.diff(dim=2))], 1)


def _deviation(x: Tensor) -> Tensor:
    variance = (x - x.mean(2, keepdim=True)).square().mean(2)
    return variance.clamp_min(_SMALLEST**2).sqrt()  # a gradient at 0 as well


def _contrast(group: Tensor) -> Tensor:
    """Return the highest over the lowest quarter of bins: dB (batch, bins, frames) -> (batch, frames)."""
    count = max(1, group.shape[1] // 4)
    ordered = group.sort(1).values  # twice as fast as topk of both ends
    return ordered[:, -count:].mean(1) - ordered[:, :count].mean(1)


def _changes(cepstrum: Tensor) -> Tensor:
    """Return logarithms of the deviation of changes over each lag; clips shorter than a lag take the longest."""
    lags = [min(lag, cepstrum.shape[2] - 1) for lag in _LAGS]
    return torch.cat([_deviation(cepstrum[:, :, lag:] - cepstrum[:, :, :-lag]).log() for lag in lags], 1)


def _rhythm(level: Tensor) -> Tensor:
    """Return logarithms of rise, change and modulation of levels in dB: (batch, n, frames) -> (batch, 12 n)."""
    change = level.diff(dim=2)
    rise = change.clamp_min(0)
    strength = torch.cat([rise.mean(2), change.abs().mean(2)], 1).clamp_min(_SMALLEST).log()
    return torch.cat([strength, _modulation(rise).log().flatten(1)], 1)


def _modulation(rise: Tensor) -> Tensor:
    """Return the power of modulation in bands of equal ratio: (batch, n, frames) -> (batch, n, bands)."""
    frames = rise.shape[2]
    size = max(frames, _FFT)
    steady = rise - rise.mean(2, keepdim=True)
    spectrum = torch.fft.rfft(steady * torch.hann_window(frames, device=rise.device), size)
    power = torch.view_as_real(spectrum).square().sum(-1) / frames
    edges = torch.logspace(math.log10(_SLOWEST), math.log10(0.5), _RATES + 1, device=rise.device)
    rate = torch.arange(size // 2 + 1, device=rise.device)[:, None] / size
    within = ((edges[:-1] <= rate) & (rate < edges[1:])).to(power.dtype)
    return power @ (within / within.sum(0)) + _SMALLEST
