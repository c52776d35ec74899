"""Waveforms in the feature store: two float16 numbers a sample, which keep 22 bits of it.

One of them would keep 11, which is too few to compute a feature from: noise 75 dB below the music fills its empty
bands, and spectral contrast, for one, is then several dB off.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

KEY = {"name": "waveform-parts", "version": 1, "params": {}}
"""What this is, for the store."""

_SCALE = 2.0**11  # of the second number: then it is as far from the smallest float16 as the first


class Parts(nn.Module):
    """Waveforms (batch, samples) -> (batch, 2, samples): float16 numbers, and what rounding to them has left."""

    def forward(self, x: Tensor) -> Tensor:
        """Split."""
        high = x.half().float()
        return torch.stack([high, (x - high) * _SCALE], 1)


def joined(parts: Tensor) -> Tensor:
    """Put waveforms (batch, samples) together from what is stored of them (batch, 2, samples); both float32."""
    return parts[:, 0] + parts[:, 1] / _SCALE
