"""EfficientNet on spectrograms: narrow blocks that widen within, each channel convolved by itself.

Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019, arXiv:1905.11946,
without stochastic depth. With width = 1 and depth = 1 the layers are those of B0 but for the one channel of the
input; the default is narrower and shallower, for collections smaller than ImageNet.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn

# Table 1 of the paper: expansion, channels, layers, stride, kernel.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


@attrs.frozen
class Params:
    """Parameters of efficientnet."""

    width: float = tunable(0.5, low=0.25, high=2.0, help="times the channels of B0")
    depth: float = tunable(0.5, low=0.25, high=2.0, help="times the layers of B0")
    dropout: float = tunable(0.2, low=0.0, high=0.8, help="dropout before the output")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:  # noqa: ARG001 - any shape will do
    """Build the network for features of shape (bins, frames), however small."""
    from torch import nn

    from genrelab_plugins.models import _blocks, _mbconv

    inputs, last = (_channels(count * params.width) for count in (32, 1280))
    layers = _mbconv.convolution(1, inputs, 3, stride=2)
    for expand, channels, count, stride, kernel in _STAGES:
        outputs = _channels(channels * params.width)
        for i in range(math.ceil(count * params.depth)):
            step = stride if i == 0 else 1
            layers.append(_mbconv.MbConv(inputs, outputs, expand=expand, kernel=kernel, stride=step))
            inputs = outputs
    layers += _mbconv.convolution(inputs, last, 1)
    head = nn.Sequential(nn.Dropout(params.dropout), nn.Linear(last, classes))
    return _blocks.Classifier(_blocks.Picture(), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head=head)


def _channels(wanted: float) -> int:
    """Return the multiple of 8 that is nearest, and no more than a tenth below."""
    found = max(8, int(wanted + 4) // 8 * 8)
    return found if found >= 0.9 * wanted else found + 8


@hookimpl
def provide_models() -> list[Model]:
    """Provide efficientnet."""
    return [Model("efficientnet", Params, build)]
