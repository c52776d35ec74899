"""The chain of augmentations: each with its own probability, all under one, decided for each clip."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

Link = tuple[nn.Module, float]
"""An augmentation, and the probability that it changes a clip, given that the chain does."""


class Chain(nn.Module):
    """Apply augmentations one after the other, each to a random share of the clips.

    Args:
        links: augmentations of single clips.
        probability: share of the clips that the chain changes at all.
        mixing: augmentations that mix clips and their labels; they come last, whatever changes single clips.
    """

    def __init__(self, links: Iterable[Link], probability: float = 1.0, mixing: Iterable[Link] = ()) -> None:
        super().__init__()
        single, mixed = list(links), list(mixing)
        self.single = nn.ModuleList(module for module, _ in single)
        self.mixing = nn.ModuleList(module for module, _ in mixed)
        self.probabilities = [p for _, p in single], [p for _, p in mixed]
        self.probability = probability

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Change a batch (batch, bins, frames) and its soft labels (batch, classes); the identity in eval mode."""
        if not self.training or not (self.single or self.mixing):
            return x, y
        reached = _draw(self.probability, x)
        for link, probability in zip(self.single, self.probabilities[0], strict=True):
            chosen = reached & _draw(probability, x)
            x = link(x) if self.probability == probability == 1 else torch.where(chosen, link(x), x)
        for link, probability in zip(self.mixing, self.probabilities[1], strict=True):
            chosen = reached & _draw(probability, x)
            mixed, labels = link(x, y)
            x, y = torch.where(chosen, mixed, x), torch.where(chosen[:, :, 0], labels, y)
        return x, y


def _draw(probability: float, x: Tensor) -> Tensor:
    """Draw for each clip of a batch whether something happens: bool (batch, 1, 1)."""
    return torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) < probability
