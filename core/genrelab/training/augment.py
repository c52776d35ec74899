"""The chain of augmentations: each with its own probability, all under one, decided for each clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

Link = tuple[nn.Module, float]
"""An augmentation, and the probability that it changes a clip, given that the chain does."""

_LONG = 2**18
"""Bytes of a clip. Longer ones are changed one by one on a CPU, others a batch at once, which takes fewer calls."""


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
        """Change a batch and its soft labels; nothing is changed in eval mode.

        Args:
            x: (batch, bins, frames), or (batch, samples) where the chain turns waveforms into features. Its clips
                may be changed in place.
            y: (batch, classes).

        Returns:
            x (batch, bins, frames) and y (batch, classes).
        """
        if not self.training or not (self.waveform or self.single or self.mixing):
            return self.live(x), y
        reached = _draw(self.probability, x)
        x = self.live(_changed(zip(self.waveform, self.probabilities[0], strict=True), x, reached))
        single = zip(self.single, self.probabilities[1], strict=True)
        x = _changed(single, x, reached) if x.device.type == "cpu" else _chosen(single, x, reached)
        for link, probability in zip(self.mixing, self.probabilities[2], strict=True):
            chosen = (reached & _draw(probability, x))[:, None]
            mixed, labels = link(x, y)
            x, y = torch.where(chosen[:, :, None], mixed, x), torch.where(chosen, labels, y)
        return x, y


def _draw(probability: float, x: Tensor) -> Tensor:
    """Draw for each clip of a batch whether something happens: bool (batch,)."""
    return torch.rand(len(x), device=x.device) < probability


def _changed(links: Iterable[Link], x: Tensor, reached: Tensor) -> Tensor:
    """Change, in place, the clips that each link chooses of those reached; compute nothing for the others."""
    x = x.contiguous()
    chosen = [(_in_place(link), (reached & _draw(probability, x)).tolist()) for link, probability in links]
    if x[0].nbytes > _LONG:
        return _one_by_one(chosen, x)
    for link, clips in chosen:
        rows = [row for row, wanted in enumerate(clips) if wanted]
        if len(rows) == len(x):
            x = link(x)
        elif rows:  # a loop over clips copies three times as fast as index_copy_
            for row, clip in zip(rows, link(x.index_select(0, torch.tensor(rows))), strict=True):
                x[row].copy_(clip)
    return x


def _in_place(link: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return what changes a batch that nobody else needs, where it has that: half the memory is moved."""
    change: Callable[[Tensor], Tensor] = getattr(link, "change_", link)
    return change


def _one_by_one(chosen: Iterable[tuple[Callable[[Tensor], Tensor], list[bool]]], x: Tensor) -> Tensor:
    """Change clips one after the other, each by all that chose it, while as much of it as can be is in a cache."""
    for number in range(len(x)):
        clip = changed = x[number : number + 1]
        for link, clips in chosen:
            changed = link(changed) if clips[number] else changed
        if changed is not clip:
            clip.copy_(changed)
    return x


def _chosen(links: Iterable[Link], x: Tensor, reached: Tensor) -> Tensor:
    """Do the same without asking which clips are chosen: a GPU would be waited for."""
    for link, probability in links:
        chosen = reached & _draw(probability, x)
        x = torch.where(chosen[:, None, None], link(x), x)
    return x
