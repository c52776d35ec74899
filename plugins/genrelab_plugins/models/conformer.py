"""Conformer: attention over the whole clip and convolutions along time in every block, then the mean over time.

Gulati et al., Conformer: Convolution-augmented Transformer for Speech Recognition, Interspeech 2020,
arXiv:2005.08100, by torchaudio, whose attention has no relative positions. With heads = 4 and layers = 16 the size
is that of Conformer (S); the default is shallower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of conformer."""

    heads: int = tunable(4, low=1, high=8, help="of attention, with 36 values each")
    layers: int = tunable(4, low=1, high=16, help="blocks")
    kernel: int = one_of(
        31, [3, 7, 15, 31], help="frames of a convolution, each a quarter as long as the feature's"
    )
    dropout: float = tunable(0.1, low=0.0, high=0.6, help="dropout within the blocks")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 5 frames.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks, _conformer, _pooling

    _blocks.check_shape(shape, bins=1, frames=5)
    dim = 36 * params.heads
    bins = (shape[0] + 3) // 4
    return _blocks.Classifier(
        _blocks.Frames2d(
            *(nn.Conv2d(1, dim, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(dim, dim, 3, stride=2, padding=1), nn.ReLU()),
        ),
        nn.Linear(dim * bins, dim),
        nn.Dropout(params.dropout),
        _conformer.Blocks(dim, params.heads, params.layers, params.kernel, params.dropout),
        _pooling.MeanPool(),
        head=nn.Linear(dim, classes),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide conformer."""
    return [Model("conformer", Params, build)]
