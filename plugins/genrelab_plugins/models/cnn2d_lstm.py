"""CNN 2D + LSTM: convolutions over time and frequency, bidirectional LSTM, mean and maximum over time.

One of four architectures for genres on mel spectrograms (de la Torre et al., Music Genre Classification,
UAB 2025). Its LSTM has 128 units per direction and its head drops out 0.3, whatever the parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of cnn2d_lstm."""

    hidden_dim: int = tunable(64, low=4, high=512, log=True, help="channels of the first convolution")
    num_layers: int = tunable(2, low=1, high=3, help="stacked recurrent layers")
    dropout: float = tunable(0.3, low=0.0, high=0.6, help="dropout of convolutions")
    bidirectional: bool = one_of(True, [True, False], help="whether the recurrent layers run both ways")
    rnn_dropout: bool = one_of(True, [True, False], help="whether dropout acts between recurrent layers, too")
    last_pool: bool = one_of(False, [False, True], help="whether a pooling follows the third convolution, too")
    pooling: str = one_of("mean_max", ["mean_max", "mean"], help="over time")


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
        nn.LSTM,
        4 * h * (shape[0] // shrink),
        128,
        params.num_layers,
        dropout=params.dropout if params.rnn_dropout else 0.0,
        bidirectional=params.bidirectional,
    )
    pool, values = _pooling.pooling(params.pooling, 128 * directions)
    return _crnn.Crnn(
        _crnn.convolutions2d(h, params.dropout, last_pool=params.last_pool),
        rnn,
        pool,
        _blocks.two_layer_head(values, 128, 0.3, classes),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide cnn2d_lstm."""
    return [Model("cnn2d_lstm", Params, build)]
