"""Short-chunk CNN with residual connections: seven small residual blocks, the maximum of all, two dense layers.

Won, Ferraro, Bogdanov and Serra, Evaluation of CNN-based Automatic Music Tagging Models, SMC 2020,
arXiv:2006.00751, the best of those compared there. Made for chunks of 3.69 s with 128 mel bands (16 kHz, hop 256),
whose predictions are averaged: `window_seconds` of [audio] does that. Convolutions have no bias, which batch
normalisation cancels.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of short_chunk_cnn."""

    channels: int = tunable(
        128, low=4, high=256, log=True, help="of the first two blocks; the last has four times as many"
    )
    dropout: float = tunable(0.5, low=0.0, high=0.8, help="dropout of the head")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:  # noqa: ARG001 - any shape will do
    """Build the network for features of shape (bins, frames), however small."""
    from torch import nn

    from genrelab_plugins.models import _blocks, _residual

    n = params.channels
    widths = [1, n, n, 2 * n, 2 * n, 2 * n, 2 * n, 4 * n]
    blocks = [_residual.ResidualBlock(a, b, 2, projection=3) for a, b in itertools.pairwise(widths)]
    head = nn.Sequential(
        nn.Linear(4 * n, 4 * n),
        _blocks.BatchNorm(4 * n),
        nn.ReLU(),
        nn.Dropout(params.dropout),
        nn.Linear(4 * n, classes),
    )
    return _blocks.Classifier(_blocks.Picture(), *blocks, nn.AdaptiveMaxPool2d(1), nn.Flatten(), head=head)


@hookimpl
def provide_models() -> list[Model]:
    """Provide short_chunk_cnn."""
    return [Model("short_chunk_cnn", Params, build)]
