"""The chain of augmentations: each with its own probability, all under one, decided for each clip."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Chain(nn.Module):
    """Apply augmentations one after the other, each to a random share of the clips.

    Args:
        links: pairs (augmentation, probability that it changes a clip, given that the chain does).
        probability: share of the clips that the chain changes at all.
    """

    def __init__(self, links: Iterable[tuple[nn.Module, float]], probability: float = 1.0) -> None:
        super().__init__()
        pairs = list(links)
        self.links = nn.ModuleList(module for module, _ in pairs)
        self.probabilities = [p for _, p in pairs]
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Change a batch (batch, bins, frames); the identity in eval mode."""
        if not self.training or not self.links:
            return x
        reached = _draw(self.probability, x)
        for link, probability in zip(self.links, self.probabilities, strict=True):
            chosen = reached & _draw(probability, x)
            x = torch.where(chosen, link(x), x)
        return x


def _draw(probability: float, x: Tensor) -> Tensor:
    """Draw for each clip of a batch whether something happens: bool (batch, 1, 1)."""
    return torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) < probability
