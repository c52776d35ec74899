"""Features with one fault each, and one without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from genrelab import Feature
from tests.core.faults import Fault, Params


def picture(change: Callable[[Any], Any]) -> Feature:
    """A feature of 4 bins, changed by a fault."""

    class Picture(nn.Module):
        def forward(self, x: Any) -> Any:
            padded = nn.functional.pad(x, (0, 400))
            return change(padded.unfold(1, 400, 200)[:, :, ::100].transpose(1, 2).contiguous())

    return Feature("fault", Params, lambda params, rate: Picture())


class Learns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv1d(1, 4, 9, padding="same")

    def forward(self, x: Any) -> Any:
        return self.filters(x[:, None]).detach()


FAULTS: list[Fault] = [
    ("shape", picture(lambda y: y.mean(2)), "gives (2, 4) for 2 clips"),
    ("shape", picture(lambda y: y.double()), "torch.float64"),
    ("shape", picture(lambda y: y.transpose(1, 2)), "for more"),
    ("finite", picture(lambda y: y.abs().log()), "not finite for silence"),
    ("finite", picture(lambda y: y * 1e6), "not finite for full scale"),
    ("independent_of_batch", picture(lambda y: y - y.mean()), "a clip differs alone and in a batch"),
    ("reproducible", picture(lambda y: y + torch.rand_like(y)), "differs from one time to the next"),
    ("stateless", Feature("fault", Params, lambda params, rate: Learns()), "would be learnt: filters.weight"),
]
GOOD = picture(lambda y: y)
