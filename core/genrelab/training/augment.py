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
        waveform: augmentations of waveforms; they come first.
        live: turns waveforms into what a model sees; None where the chain is given that.
    """

    def __init__(
        self,
        links: Iterable[Link],
        probability: float = 1.0,
        mixing: Iterable[Link] = (),
        *,
        waveform: Iterable[Link] = (),
        live: nn.Module | None = None,
    ) -> None:
        super().__init__()
        waves, single, mixed = list(waveform), list(links), list(mixing)
        self.waveform = nn.ModuleList(module for module, _ in waves)
        self.single = nn.ModuleList(module for module, _ in single)
        self.mixing = nn.ModuleList(module for module, _ in mixed)
        self.probabilities = [p for _, p in waves], [p for _, p in single], [p for _, p in mixed]
        self.live = live or nn.Identity()
        self.probability = probability

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Change a batch and its soft labels (batch, classes); nothing is changed in eval mode.

        Args:
            x: (batch, bins, frames), or (batch, samples) where the chain turns waveforms into features.
            y: (batch, classes).

        Returns:
            x (batch, bins, frames) and y (batch, classes).
        """
        if not self.training or not (self.waveform or self.single or self.mixing):
            return self.live(x), y
        reached, given = _draw(self.probability, x), x
        for link, probability in zip(self.waveform, self.probabilities[0], strict=True):
            x = _changed(link, x, reached & _draw(probability, x), given)
        x = self.live(x)
        for link, probability in zip(self.single, self.probabilities[1], strict=True):
            chosen = reached & _draw(probability, x)
            if x.device.type == "cpu":
                x = _changed(link, x, chosen, given)
            else:  # to ask which are chosen would wait for the device
                x = torch.where(chosen[:, None, None], link(x), x)
        for link, probability in zip(self.mixing, self.probabilities[2], strict=True):
            chosen = (reached & _draw(probability, x))[:, None]
            mixed, labels = link(x, y)
            x, y = torch.where(chosen[:, :, None], mixed, x), torch.where(chosen, labels, y)
        return x, y


def _draw(probability: float, x: Tensor) -> Tensor:
    """Draw for each clip of a batch whether something happens: bool (batch,)."""
    return torch.rand(len(x), device=x.device) < probability


def _changed(link: nn.Module, x: Tensor, chosen: Tensor, given: Tensor) -> Tensor:
    """Change the chosen clips and compute nothing for the others; what was given to the chain stays as it is."""
    rows = chosen.nonzero()[:, 0]
    if not len(rows):
        return x
    if len(rows) == len(x):
        return link(x)  # type: ignore[no-any-return]
    ours = x.clone() if x is given else x.contiguous()
    return ours.index_copy_(0, rows, link(x[rows]))
