"""musicnn: filters shaped after timbre and rhythm, dense convolutions along time, maximum and mean over time.

Pons and Serra, musicnn: Pre-trained Convolutional Neural Networks for Music Audio Tagging, ISMIR 2019
late-breaking, arXiv:1909.06654, after Pons et al., End-to-end Learning for Music Audio Tagging at Scale, ISMIR
2018, arXiv:1711.02520. Made for 3 s windows with 96 mel bands (16 kHz, hop 256). With 50 tags it has 787 thousand
parameters; their large version has midend_dim = 512, hidden_dim = 500.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of musicnn."""

    filters: float = tunable(
        1.6, low=0.1, high=3.2, help="of the front end: times 128 for timbre, times 32 for rhythm"
    )
    midend_dim: int = tunable(64, low=8, high=512, log=True, help="channels of the convolutions along time")
    hidden_dim: int = tunable(200, low=16, high=1024, log=True, help="units of the dense layer")
    dropout: float = tunable(0.5, low=0.0, high=0.8, help="dropout before each dense layer")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 3 bins.
    """
    from torch import nn

    from genrelab_plugins.models import _blocks, _musicnn

    _blocks.check_shape(shape, bins=3, frames=1)
    front = _musicnn.FrontEnd(shape[0], params.filters)
    values = 2 * (front.channels + 3 * params.midend_dim)
    head = nn.Sequential(
        _blocks.BatchNorm(values),
        nn.Dropout(params.dropout),
        nn.Linear(values, params.hidden_dim),
        nn.ReLU(),
        _blocks.BatchNorm(params.hidden_dim),
        nn.Dropout(params.dropout),
        nn.Linear(params.hidden_dim, classes),
    )
    middle = _musicnn.MiddleEnd(front.channels, params.midend_dim)
    return _blocks.Classifier(front, middle, _musicnn.MaxMeanPool(), head=head)


@hookimpl
def provide_models() -> list[Model]:
    """Provide musicnn."""
    return [Model("musicnn", Params, build)]
