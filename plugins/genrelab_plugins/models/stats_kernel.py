"""Kernel logistic regression on the mean and deviation of each bin over time, akin to an SVM on them.

Random Fourier features (Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NIPS 2007) make the
Gaussian kernel machine a linear one, which the ordinary training can fit. Give it the feature `mfcc` and
normalization "none".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of stats_kernel."""

    deltas: bool = one_of(False, [False, True], help="whether changes from frame to frame are looked at as well")
    features: int = tunable(1024, low=64, high=8192, log=True, help="random cosines that make up the kernel")
    gamma: float = tunable(
        1.0, low=0.05, high=20.0, log=True, help="how local the kernel is; 1: as in scikit-learn"
    )
    gain: float = tunable(8.0, low=0.5, high=64.0, log=True, help="of the kernel; larger: regularised less")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the model for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 2 frames.
    """
    from genrelab_plugins.models import _blocks, _statistics

    _blocks.check_shape(shape, bins=1, frames=2)
    statistics = _statistics.Statistics(shape[0], params.deltas)
    kernel = _statistics.RandomFeatures(statistics.values, params.features, params.gamma, params.gain)
    return _blocks.Classifier(statistics, kernel, head=_statistics.linear_from_zero(params.features, classes))


@hookimpl
def provide_models() -> list[Model]:
    """Provide stats_kernel."""
    return [Model("stats_kernel", Params, build)]
