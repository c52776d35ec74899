"""The layers of a model in the order in which they are called, found by calling it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import torch
from torch import Tensor, nn

Shape = tuple[int, ...]
_SMALL = (
    nn.modules.batchnorm._NormBase,  # what follows a layer rather than being one
    nn.LayerNorm,
    nn.GroupNorm,
    nn.modules.dropout._DropoutNd,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.Flatten,
    nn.Identity,
)


@attrs.frozen
class Layer:
    """One call of one layer."""

    name: str
    """Where it is in the model: ``head.0``."""
    type: str
    """Its class: ``Linear``."""
    settings: str
    """As torch prints them: ``256, 12``."""
    shape_in: Shape
    """Of what it gets, without the batch."""
    shape_out: Shape
    """Of what it gives, without the batch."""
    parameters: int
    """Trainable ones."""
    main: bool
    """Whether it has weights of its own and is no normalisation: such a layer begins a block."""


def layers(model: nn.Module, x: Tensor) -> list[Layer]:
    """Call a model in eval mode, in which it is left, and return its layers as they are called.

    What `forward` does between layers (sums, means, reshaping) shows only in the shapes.

    Args:
        model: on the device of x.
        x: (batch, bins, frames).
    """
    found: list[Layer] = []
    handles = [m.register_forward_hook(_note(name, found)) for name, m in _leaves(model, "")]
    try:
        with torch.no_grad():
            model.eval()(x)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _leaves(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Yield what stands for itself: modules without children, and those of torch's own that have some."""
    children = dict(module.named_children())
    container = isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict | nn.TransformerEncoder)
    torchs = type(module).__module__.startswith("torch.nn.")
    if name and (not container if torchs else not children):  # an empty container is nothing
        yield name, module
        return
    for key, child in children.items():
        yield from _leaves(child, f"{name}.{key}" if name else key)


def _note(name: str, found: list[Layer]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        parameters = sum(p.numel() for p in module.parameters() if p.requires_grad)
        shapes = _shape(inputs), _shape(output)
        main = parameters > 0 and not isinstance(module, _SMALL)
        found.append(Layer(name, type(module).__name__, module.extra_repr(), *shapes, parameters, main))

    return hook


def _shape(value: Any) -> Shape:
    """Return the shape of a tensor, or of the first tensor of a tuple, without the batch."""
    while isinstance(value, tuple | list) and value:
        value = value[0]
    return tuple(value.shape[1:]) if isinstance(value, Tensor) else ()
