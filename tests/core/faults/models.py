"""Models with one fault each, and one without."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import nn

from genrelab import Model
from tests.core.faults import Fault, Params


class Net(nn.Module):
    """A model without a fault; faulty ones change one method."""

    def __init__(self, params: Params, shape: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.params = params
        self.hidden, self.head = nn.Linear(shape[0], params.size), nn.Linear(params.size, classes)

    def embed(self, x: Any) -> Any:
        return torch.relu(self.hidden(x.mean(2) if self.params.mode == "mean" else x.amax(2)))

    def forward(self, x: Any) -> Any:
        return self.head(self.embed(x))


class Unused(Net):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.forgotten = nn.Linear(2, 2)


class Probabilities(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x).argmax(1)


class NormalisesFrames(Net):
    def __init__(self, params: Params, shape: tuple[int, int], classes: int) -> None:
        super().__init__(params, shape, classes)
        self.norm = nn.InstanceNorm1d(shape[0])

    def embed(self, x: Any) -> Any:
        return super().embed(self.norm(x))


class NotFinite(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x) / (0 if self.params.size == 32 else 1)


class NeedsFrames(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(nn.functional.max_pool1d(x, 16))


class BatchStatistics(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x - x.mean(0))


class AlwaysDrops(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(nn.functional.dropout(x, 0.5))


class PythonsRandom(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x) * (random.random() if self.training else 1.0)


class Hidden(Net):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.scale = torch.rand(1)  # decides the result, and is in no state dict

    def forward(self, x: Any) -> Any:
        return super().forward(x) * self.scale


class Deaf(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x) * 1e-9


class InPlace(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x.mul_(0.5))


class NoPooling(Net):
    def embed(self, x: Any) -> Any:
        return self.hidden(x.transpose(1, 2))

    def forward(self, x: Any) -> Any:
        return self.head(self.embed(x).mean(1))


class Untraceable(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(x) * (2 if torch.compiler.is_compiling() else 1)


class NoOnnx(Net):
    def forward(self, x: Any) -> Any:
        return super().forward(torch.special.bessel_j1(x))


def model(net: Any) -> Model:
    return Model("fault", Params, net)


FAULTS: list[Fault] = [
    ("logits", model(Probabilities), "gives (1,) for 1 clips of 32 x 64, not (1, 5)"),
    ("short_clips", model(NeedsFrames), "for 2 clips of 32 x 8"),
    ("small_batch", model(NormalisesFrames), "Expected more than 1 spatial element"),
    ("parameter_ends", model(NotFinite), "not finite for 2 clips of 32 x 64 with size=32"),
    ("gradients", model(Unused), "no gradient reaches forgotten.weight, forgotten.bias"),
    ("independent_of_batch", model(BatchStatistics), "a clip has other logits alone than in a batch"),
    ("independent_of_batch", model(AlwaysDrops), "a clip has other logits alone than in a batch"),
    ("reproducible", model(PythonsRandom), "trains otherwise with the same seed"),
    ("weights_round_trip", model(Hidden), "other logits after loading its weights"),
    ("learns", model(Deaf), "the loss on one batch has fallen by 0.0%"),
    ("input_untouched", model(InPlace), "changes its input in place"),
    ("embed", model(NoPooling), "embed gives (6, 64, 8) for 6 clips, not (6, values)"),
    ("compiles", model(Untraceable), "other logits under torch.compile"),
]
GOOD = model(Net)
