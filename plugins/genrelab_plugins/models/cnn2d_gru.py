"""CNN 2D + GRU: convolutions over time and frequency, bidirectional GRU, mean over time.

The best of four architectures for genres on mel spectrograms (de la Torre et al., Music Genre Classification,
UAB 2025), after the convolutional recurrent network of Choi et al., ICASSP 2017 (arXiv:1609.04243).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of cnn2d_gru."""

    hidden_dim: int = tunable(64, low=4, high=512, log=True, help="channels of the first convolution")
    num_layers: int = tunable(2, low=1, high=3, help="stacked recurrent layers")
    dropout: float = tunable(0.3, low=0.0, high=0.6, help="dropout of convolutions, recurrent layers and head")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature is too small for the two poolings.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks

    _blocks.check_shape(shape, bins=4, frames=4)
    h = params.hidden_dim
    return _blocks.Crnn(
        _blocks.Convolutions2d(h, params.dropout),
        _blocks.stacked(nn.GRU, 4 * h * (shape[0] // 4), h, params.num_layers, params.dropout),
        _blocks.mean_over_time,
        _blocks.two_layer_head(2 * h, h, params.dropout, classes),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide cnn2d_gru."""
    return [Model("cnn2d_gru", Params, build)]
