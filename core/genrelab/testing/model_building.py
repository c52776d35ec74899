"""Building models for their checks: which shapes they take, and a batch to train them on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab.components import Model
from genrelab.errors import InputError
from genrelab.testing.checks import BrokenError, blaming
from genrelab.testing.tensors import backward, noise, require_finite, require_module, require_shape, seeded

Shape = tuple[int, int]
CLASSES = 5
SHAPES: tuple[Shape, ...] = ((32, 64), (13, 100), (128, 130))
WAVEFORM: Shape = (1, 66_150)  # three seconds at 22,050 Hz, for models that take nothing smaller
SHORT: tuple[Shape, ...] = ((32, 8), (32, 3), (32, 1), (1, 500))
REFUSE = "raise InputError in build, with the smallest (bins, frames) that it takes, where a feature is too small"


def build(model: Model, params: Any, shape: Shape, seed: int = 0) -> nn.Module:
    """Build a model after seeding torch."""
    torch.manual_seed(seed)
    built = model.build(params, shape, CLASSES)
    require_module(built)
    return built


def shapes_of(model: Model, params: Any) -> Iterator[Shape]:
    """Yield the shapes that a model takes; that of a waveform only where it takes no other."""
    taken = 0
    for shape in SHAPES:
        try:
            build(model, params, shape)
        except InputError:
            continue
        taken += 1
        yield shape
    if not taken:
        yield shape_of(model, params)


def shape_of(model: Model, params: Any, where: str = "") -> Shape:
    """Return the smallest of the shapes that a model takes."""
    refused = ""
    for shape in (*SHAPES, WAVEFORM):
        try:
            build(model, params, shape)
        except InputError as error:
            refused = str(error)
            continue
        return shape
    shapes = ", ".join(size_text(s) for s in (*SHAPES, WAVEFORM))
    fix = "narrow the parameter's range, or take one of these"
    raise BrokenError(f"refuses each of {shapes}{where}: {refused}", fix)


def ready(model: Model, params: Any) -> tuple[nn.Module, tuple[Tensor, Tensor]]:
    """Return a model in train mode, and a batch whose genres differ in number and in level."""
    shape = shape_of(model, params)
    y = torch.tensor([0, 0, 0, 1, 1, 2])
    x = noise(len(y), *shape) + y[:, None, None] / 4
    return build(model, params, shape).train(), (x, y)


def require_logits(built: nn.Module, shape: Shape, clips: int, where: str = "") -> None:
    """Require finite logits for so many clips."""
    text = f"{clips} clips of {size_text(shape)}{where}"
    with blaming(f"for {text}", REFUSE), torch.no_grad():
        y = built(noise(clips, *shape))
    require_shape(y, (clips, CLASSES), text, "end with a layer that gives one value a class, for each clip")
    require_finite(y, text, "look for a division by zero, or a logarithm or root of it")


def fall_of_loss(model: Model, params: Any, rate: float) -> float:
    """Return by what share the loss on one batch falls in 15 steps of Adam, with the same dropout at each."""
    built, (x, y) = ready(model, params)
    optimizer = torch.optim.Adam(built.parameters(), rate)
    losses = []
    for _ in range(16):
        loss = F.cross_entropy(seeded(1, built, x), y)
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        backward(loss)
        optimizer.step()
    return 1 - losses[-1] / losses[0]


def size_text(shape: Shape) -> str:
    """Return ``32 x 64``."""
    return f"{shape[0]} x {shape[1]}"
