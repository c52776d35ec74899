"""The torch module of per-channel energy normalisation."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import lfilter

from genrelab_plugins.features._mel import Mel

_SCALE = 2.0**31  # eps and bias are meant for samples as 32-bit integers
_EPS = 1e-6


class Pcen(nn.Module):
    """(batch, samples) in -1..1 -> (batch, n_mels, 1 + samples // hop_length), at least 0.

    Equal to ``librosa.pcen`` of the mel spectrogram of magnitudes times 2**31, smoothed from its first frame on.

    Args:
        sample_rate: Hz.
        gain: of the gain control; 1 takes all differences in level out.
        bias: added before the root.
        power: of the root.
        time_constant: of the smoothing, seconds.
        hop_length: samples.
        mel: what `Mel` takes beside these.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        gain: float,
        bias: float,
        power: float,
        time_constant: float,
        hop_length: int,
        **mel: Any,
    ) -> None:
        super().__init__()
        self.mel = Mel(sample_rate, hop_length=hop_length, power=1.0, **mel)
        self.gain, self.bias, self.power = gain, bias, power
        frames = time_constant * sample_rate / hop_length
        self.smoothing = (math.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the normalised energies."""
        energy: Tensor = (self.mel(x) * _SCALE).mT.contiguous()
        log_level = math.log(_EPS) + torch.log1p(self._smooth(energy) / _EPS)
        controlled = energy * torch.exp(-self.gain * log_level)
        compressed: Tensor = torch.expm1(self.power * torch.log1p(controlled / self.bias))
        return compressed.mul_(self.bias**self.power)

    def _smooth(self, energy: Tensor) -> Tensor:
        """Return the first-order low-pass of (batch, bands, frames), at rest on the first frame."""
        b = self.smoothing
        # The frame put before the first leaves the filter where an endless repetition of the first would. (To
        # subtract the first frame instead would cancel: quiet after loud would be noise, or negative.)
        started = torch.cat([energy[..., :1] / b, energy], -1)
        feedback, input_ = energy.new_tensor([1, b - 1]), energy.new_tensor([b, 0])
        smooth: Tensor = lfilter(started, feedback, input_, clamp=False)
        return smooth[..., 1:]
