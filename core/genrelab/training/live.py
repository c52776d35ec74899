"""Features computed while training, from waveforms that augmentations have changed."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from genrelab.data.clips import Clips
from genrelab.data.normalization import normalize_clips


class LiveFeature(nn.Module):
    """What a model sees of clips, from their waveforms: equal to what is stored of them, but for rounding.

    Feature and normalisation are those of the whole clip, as in the store, and windows are cut afterwards; so
    training and evaluation see the same, whatever the window.

    Args:
        feature: (batch, samples) -> (batch, bins, frames).
        normalization: what is done to each clip.
        clips: how these are standardised, and the window that a model sees of them.
    """

    def __init__(self, feature: nn.Module, normalization: str, clips: Clips) -> None:
        super().__init__()
        self.feature = feature.eval()
        self._normalization, self._clips = normalization, clips

    def train(self, mode: bool = True) -> Self:
        """Switch between random windows (training) and the middle one; the feature stays as it was stored with."""
        super().train(mode)
        self.feature.eval()
        return self

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Compute one window of each clip: x (batch, samples), which may change -> (batch, bins, frames)."""
        y = normalize_clips(self.feature(x), self._normalization)
        return self._clips.standardise(self._window(y))

    def _window(self, y: Tensor) -> Tensor:
        frames = self._clips.shape[1]
        last = y.shape[2] - frames
        if not last:
            return y
        middle = torch.full((len(y),), last // 2, device=y.device)
        starts = torch.randint(last + 1, (len(y),), device=y.device) if self.training else middle
        places = starts[:, None] + torch.arange(frames, device=y.device)
        return y.gather(2, places[:, None].expand(-1, y.shape[1], -1))
