"""Augmentations with one fault each, and one without."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from genrelab import Augmentation
from tests.core.faults import Fault, Params


def change(forward: Callable[[Any, Any], Any], domain: Any = "feature") -> Augmentation:
    """An augmentation with a fault in `forward(module, x)`."""

    class Change(nn.Module):
        def forward(self, x: Any, *labels: Any) -> Any:
            return forward(self, x if not labels else (x, *labels))

    return Augmentation("fault", Params, lambda params: Change(), domain)


def draw(x: Any) -> Any:
    return torch.rand(len(x), 1, 1) + 0.5


def swap(module: Any, batch: Any) -> Any:
    """Mix clips, and leave their labels as they are."""
    x, y = batch
    return (torch.lerp(x, x.flip(0), draw(x)), y) if module.training else (x, y)


def eval_changes(module: Any, x: Any) -> Any:
    return x * draw(x)


def trained(forward: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda module, x: forward(x) if module.training else x


class OtherInPlace(nn.Module):
    """A module whose change_ does something else."""

    def __init__(self, params: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x * draw(x) if self.training else x

    def change_(self, x: Any) -> Any:
        return x.add_(draw(x)) if self.training else x


FAULTS: list[Fault] = [
    ("shape", change(trained(lambda x: x[:, :, 1:] * draw(x))), "gives (1, 32, 95) for 1 clips"),
    ("shape", change(trained(lambda x: x.mul_(draw(x)))), "changes its input in place"),
    ("silence", change(trained(lambda x: x * draw(x) / x.amax((1, 2), keepdim=True))), "not finite for silence"),
    ("identity_in_eval", change(eval_changes), "changes clips in eval()"),
    ("changes_something", change(lambda module, x: x), "changes nothing in 8 batches"),
    ("random_per_clip", change(trained(lambda x: x * torch.rand(1))), "one draw is shared by all clips"),
    ("reproducible", change(trained(lambda x: x * random.random())), "otherwise with the same seed"),
    ("in_place", Augmentation("fault", Params, OtherInPlace), "change_ changes clips otherwise than forward"),
    ("labels_fit", change(swap, "batch"), "labels do not say what is in a clip"),
]
GOOD = change(trained(lambda x: x * draw(x)))
