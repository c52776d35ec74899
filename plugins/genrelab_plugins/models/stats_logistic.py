"""Logistic regression on the mean and deviation of each bin over time: the floor for networks.

What Tzanetakis and Cook (Musical genre classification of audio signals, IEEE Transactions on Speech and Audio
Processing 10, 2002) gave to simple classifiers. On small collections, with the feature `mfcc` and normalization
"none", it is hard to beat. `weight_decay` of [train] regularises it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of stats_logistic."""

    deltas: bool = one_of(False, [False, True], help="whether changes from frame to frame are looked at as well")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the model for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 2 frames.
    """
    from genrelab_plugins.models import _blocks, _statistics

    _blocks.check_shape(shape, bins=1, frames=2)
    statistics = _statistics.Statistics(shape[0], params.deltas)
    return _blocks.Classifier(statistics, head=_statistics.linear_from_zero(statistics.values, classes))


@hookimpl
def provide_models() -> list[Model]:
    """Provide stats_logistic."""
    return [Model("stats_logistic", Params, build)]
