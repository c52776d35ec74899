"""ResNet on spectrograms, with squeeze-excitation and attention over time if asked for.

He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385; Hu, Shen and Sun,
Squeeze-and-Excitation Networks, CVPR 2018, arXiv:1709.01507. With channels = 64 the layers are those of ResNet-18
and -34 but for the one channel of the input; layers = 10 has one block where they have several.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl, one_of, tunable

if TYPE_CHECKING:
    from torch import nn

_BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}


@attrs.frozen
class Params:
    """Parameters of resnet."""

    channels: int = tunable(32, low=4, high=128, log=True, help="of the first blocks; doubled three times")
    layers: int = one_of(18, [10, 18, 34], help="convolutions and dense layers")
    squeeze: bool = one_of(False, [False, True], help="whether blocks weight their channels (squeeze-excitation)")
    pooling: str = one_of("mean", ["mean", "mean_max", "attention"], help="over time")
    dropout: float = tunable(0.2, low=0.0, high=0.8, help="dropout before the output")


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:  # noqa: ARG001 - any shape will do
    """Build the network for features of shape (bins, frames), however small."""
    from torch import nn

    from genrelab_plugins.models import _blocks, _pooling, _residual

    inputs = params.channels
    blocks: list[nn.Module] = []
    for stage, count in enumerate(_BLOCKS[params.layers]):
        for i in range(count):
            outputs, stride = params.channels * 2**stage, 2 if stage and not i else 1
            blocks.append(_residual.ResidualBlock(inputs, outputs, stride, squeeze=params.squeeze))
            inputs = outputs
    pool, values = _pooling.pooling(params.pooling, inputs)
    return _blocks.Classifier(
        _blocks.Picture(),
        nn.Conv2d(1, params.channels, 7, stride=2, padding=3, bias=False),
        _blocks.BatchNorm(params.channels),
        nn.MaxPool2d(3, stride=2, padding=1),  # before ReLU: the same, with less to do
        nn.ReLU(),
        *blocks,
        _pooling.MeanOverBins(),
        pool,
        head=nn.Sequential(nn.Dropout(params.dropout), nn.Linear(values, classes)),
    )


@hookimpl
def provide_models() -> list[Model]:
    """Provide resnet."""
    return [Model("resnet", Params, build)]
