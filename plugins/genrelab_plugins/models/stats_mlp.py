"""A network of one or more hidden layers on the mean and deviation of each bin over time.

The step from logistic regression to networks, without any convolution. Give it the feature `mfcc` and normalization
"none".
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of stats_mlp."""

    deltas: bool = one_of(False, [False, True], help="whether changes from frame to frame are looked at as well")
    hidden_dim: int = tunable(64, low=4, high=1024, log=True, help="units of a hidden layer")
    num_layers: int = tunable(1, low=1, high=3, help="hidden layers")
    dropout: float = tunable(0.3, low=0.0, high=0.8, help="dropout after each hidden layer")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 2 frames.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks, _statistics

    _blocks.check_shape(shape, bins=1, frames=2)
    statistics = _statistics.Statistics(shape[0], params.deltas)
    sizes = [statistics.values, *[params.hidden_dim] * params.num_layers]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(params.dropout)]
    return _blocks.Classifier(statistics, *layers, head=nn.Linear(params.hidden_dim, classes))


@hookimpl
def provide_models() -> list[Model]:
    """Provide stats_mlp."""
    return [Model("stats_mlp", Params, build)]
