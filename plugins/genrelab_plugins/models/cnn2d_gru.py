"""CNN 2D + GRU: convolutions over time and frequency, bidirectional GRU, mean over time.

The best of four architectures for genres on mel spectrograms (de la Torre et al., Music Genre Classification,
UAB 2025), after the convolutional recurrent network of Choi et al., ICASSP 2017 (arXiv:1609.04243).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of cnn2d_gru."""

    hidden_dim: int = tunable(64, low=4, high=512, log=True, help="channels of the first convolution")
    num_layers: int = tunable(2, low=1, high=3, help="stacked recurrent layers")
    dropout: float = tunable(0.3, low=0.0, high=0.6, help="dropout of convolutions and head")
    bidirectional: bool = one_of(True, [True, False], help="whether the recurrent layers run both ways")
    rnn_dropout: bool = one_of(True, [True, False], help="whether dropout acts between recurrent layers, too")
    last_pool: bool = one_of(False, [False, True], help="whether a pooling follows the third convolution, too")
    pooling: str = one_of("mean", ["mean", "mean_max"], help="over time")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature is too small for the poolings.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks, _crnn, _pooling

    shrink = 8 if params.last_pool else 4
    _blocks.check_shape(shape, bins=shrink, frames=shrink)
    h, directions = params.hidden_dim, 1 + params.bidirectional
    rnn = _crnn.stacked(
        nn.GRU,
        4 * h * (shape[0] // shrink),
        h,
        params.num_layers,
        dropout=params.dropout if params.rnn_dropout else 0.0,
        bidirectional=params.bidirectional,
    )
    pool, values = _pooling.pooling(params.pooling, h * directions)
    return _crnn.Crnn(
        _crnn.convolutions2d(h, params.dropout, last_pool=params.last_pool),
        rnn,
        pool,
        _blocks.two_layer_head(values, h, params.dropout, classes),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide cnn2d_gru."""
    return [Model("cnn2d_gru", Params, build)]
