"""From spectrograms to tokens and back to one vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab_plugins.models._blocks import picture


class Patches(nn.Module):
    """A class token and a token for each patch: (batch, bins, frames) -> (batch, 1 + patches, dim).

    Args:
        shape: (bins, frames) of the feature, at least a patch.
        dim: values of a token.
        patch: bins and frames of a patch.
        stride: bins and frames from one patch to the next; what is left at the upper and the late edge is not seen.
    """

    def __init__(self, shape: tuple[int, int], dim: int, patch: int, stride: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(1, dim, patch, stride)
        bins, frames = ((n - patch) // stride + 1 for n in shape)
        self.token = nn.Parameter(torch.empty(1, 1, dim))
        self.positions = nn.Parameter(torch.empty(1, dim, bins, frames))
        for parameter in (self.token, self.positions):
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Make the tokens."""
        patches: Tensor = self.project(picture(x))
        positions: Tensor = self.positions
        if patches.shape[2:] != positions.shape[2:]:
            positions = F.interpolate(positions, patches.shape[2:], mode="bilinear")
        tokens = (patches + positions).flatten(2).transpose(1, 2)
        return torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1)


class ClassToken(nn.Module):
    """What the class token has become: (batch, tokens, dim) -> (batch, dim)."""

    def forward(self, x: Tensor) -> Tensor:
        """Take the first token."""
        return x[:, 0]
