"""CNN 1D: the convolutions of cnn1d_gru, pooling over time and a head, nothing recurrent.

What the recurrent layers of the study (de la Torre et al., Music Genre Classification, UAB 2025) are worth is the
difference to this. `pooling = "attention"` lets the network choose the frames that count (Ilse et al., ICML 2018,
arXiv:1802.04712).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of cnn1d."""

    hidden_dim: int = tunable(64, low=4, high=512, log=True, help="channels of the first convolution")
    dropout: float = tunable(0.3, low=0.0, high=0.6, help="dropout of convolutions and head")
    pooling: str = one_of("mean", ["mean", "mean_max", "attention"], help="over time")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature is too small for the two poolings.
    """
    from genrelab_plugins.models import _blocks, _crnn, _pooling

    _blocks.check_shape(shape, bins=1, frames=4)
    h = params.hidden_dim
    pool, values = _pooling.pooling(params.pooling, 4 * h)
    return _blocks.Classifier(
        _crnn.convolutions1d(shape[0], h, params.dropout),
        pool,
        head=_blocks.two_layer_head(values, h, params.dropout, classes),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide cnn1d."""
    return [Model("cnn1d", Params, build)]
