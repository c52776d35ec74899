"""Audio spectrogram transformer: overlapping patches as words, and a token of its own that sums them up.

Gong, Chung and Glass, AST: Audio Spectrogram Transformer, Interspeech 2021, arXiv:2104.01778, with one class token
and without the weights from images, which the paper needs to do well: from scratch it wants much data. With heads =
12 and layers = 12 the layers are those of the paper; the default is small. The learned positions are those of the
shape that it is built for, and are interpolated for clips of other lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of ast."""

    heads: int = tunable(3, low=1, high=12, help="of attention, with 64 values each")
    layers: int = tunable(4, low=1, high=12, help="of the encoder")
    patch: int = tunable(16, low=4, high=32, help="bins and frames of a patch")
    stride: int = tunable(10, low=4, high=32, help="bins and frames from one patch to the next")
    dropout: float = tunable(0.1, low=0.0, high=0.6, help="dropout within the encoder")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature is smaller than a patch.
    """
    from torch import nn

    from genrelab_plugins.models import _ast, _blocks

    _blocks.check_shape(shape, bins=params.patch, frames=params.patch)
    dim = 64 * params.heads
    layers = [
        nn.TransformerEncoderLayer(
            dim, params.heads, 4 * dim, params.dropout, "gelu", batch_first=True, norm_first=True
        )
        for _ in range(params.layers)
    ]
    patches = _ast.Patches(shape, dim, params.patch, params.stride)
    head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, classes))
    return _blocks.Classifier(patches, *layers, nn.LayerNorm(dim), _ast.ClassToken(), head=head)


@hookimpl
def provide_models() -> list[Model]:
    """Provide ast."""
    return [Model("ast", Params, build)]
