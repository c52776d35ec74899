"""CRNN: four convolutions over time and frequency, then two GRU layers whose last state is classified.

Choi, Fazekas, Sandler and Cho, Convolutional Recurrent Neural Networks for Music Classification, ICASSP 2017,
arXiv:1609.04243. Made for 96 mel bands and 1366 frames, of which the poolings leave 1 and 15; of other shapes they
leave the last bin and frame, too, and where a pooling would leave a single frame it is left out along time. The
paper's 0.1 M parameters: channels = 30, hidden_dim = 30; its 3 M: 169 and 169. The defaults are those of the
authors' published weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of crnn."""

    channels: int = tunable(
        64, low=4, high=256, log=True, help="of the first convolution; the others have twice as many"
    )
    hidden_dim: int = tunable(32, low=4, high=256, log=True, help="units of a recurrent layer")
    dropout: float = tunable(0.1, low=0.0, high=0.6, help="dropout after each convolution")
    head_dropout: float = tunable(0.3, low=0.0, high=0.6, help="dropout before the output")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 2 frames.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks, _crnn, _pooling

    _blocks.check_shape(shape, bins=1, frames=2)
    layers: list[nn.Module] = []
    inputs, (bins, frames) = 1, shape
    for outputs, pool in zip((params.channels, *[2 * params.channels] * 3), (2, 3, 4, 4), strict=True):
        over_time = pool if frames > pool else 1
        # Pooling stands before ELU, which rises everywhere: the same, with less to do.
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), _blocks.BatchNorm(outputs)]
        layers += [nn.MaxPool2d((over_time, pool), ceil_mode=True), nn.ELU(), nn.Dropout(params.dropout)]
        inputs, bins, frames = outputs, -(-bins // pool), -(-frames // over_time)
    return _crnn.Crnn(
        _blocks.Frames2d(*layers),
        _crnn.stacked(nn.GRU, inputs * bins, params.hidden_dim, num_layers=2, bidirectional=False),
        _pooling.LastFrame(),
        nn.Sequential(nn.Dropout(params.head_dropout), nn.Linear(params.hidden_dim, classes)),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide crnn."""
    return [Model("crnn", Params, build)]
