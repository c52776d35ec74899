"""SampleCNN: eleven convolutions on the waveform itself, which learn their own filters from three samples up.

Lee, Park, Kim and Nam, Sample-level Deep Convolutional Neural Networks for Music Auto-tagging Using Raw Waveforms,
SMC 2017, arXiv:1703.01789. Give it the feature `waveform` with normalization "clip" or "none". Made for 59,049
samples (2.68 s at 22,050 Hz, `window_seconds` of [audio]), which the poolings bring down to one; of longer windows
the average over time is classified.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, tunable

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Parameters of sample_cnn."""

    channels: int = tunable(
        128, low=4, high=256, log=True, help="of the first three convolutions; then 2 and 4 times"
    )
    dropout: float = tunable(0.5, low=0.0, high=0.8, help="dropout before the output")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the network for features of shape (bins, frames).

    Raises:
        InputError: the feature has fewer than 3 frames (samples).
    """
    from torch import nn

    from genrelab_plugins.models import _blocks, _pooling

    _blocks.check_shape(shape, bins=1, frames=3)
    c = params.channels
    layers = [nn.Conv1d(shape[0], c, 3, stride=3, bias=False), _blocks.BatchNorm(c), nn.ReLU()]
    for inputs, outputs in itertools.pairwise([c, c, c, *[2 * c] * 6, 4 * c]):
        layers += [nn.Conv1d(inputs, outputs, 3, padding=1, bias=False), _blocks.BatchNorm(outputs)]
        layers += [nn.MaxPool1d(3, ceil_mode=True), nn.ReLU()]  # in this order: the same, with less to do
    layers += [nn.Conv1d(4 * c, 4 * c, 1, bias=False), _blocks.BatchNorm(4 * c), nn.ReLU()]
    head = nn.Sequential(nn.Dropout(params.dropout), nn.Linear(4 * c, classes))
    return _blocks.Classifier(_blocks.Frames1d(*layers), _pooling.MeanPool(), head=head)


@hookimpl
def provide_models() -> list[Model]:
    """Provide sample_cnn."""
    return [Model("sample_cnn", Params, build)]
