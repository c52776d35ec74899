"""The inverted residual block of EfficientNet."""

from __future__ import annotations

from torch import Tensor, nn

from genrelab_plugins.models._blocks import BatchNorm
from genrelab_plugins.models._residual import SqueezeExcitation


class MbConv(nn.Module):
    """Widen, convolve each channel by itself, weight channels, narrow: MBConv of EfficientNet.

    (batch, inputs, height, width) -> (batch, outputs, ...). Sandler et al., MobileNetV2, CVPR 2018,
    arXiv:1801.04381, with the squeeze-excitation of Tan et al., MnasNet, CVPR 2019, arXiv:1807.11626.

    Args:
        inputs: channels.
        outputs: channels.
        expand: times as many channels within the block.
        kernel: of the convolution by channel.
        stride: of the same; height and width are divided by it, rounded up.
    """

    def __init__(self, inputs: int, outputs: int, *, expand: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expand
        self.layers = nn.Sequential(
            *(convolution(inputs, wide, 1) if expand > 1 else []),
            *convolution(wide, wide, kernel, stride, groups=wide),
            SqueezeExcitation(wide, max(1, inputs // 4), nn.SiLU()),
            *convolution(wide, outputs, 1)[:-1],  # the end is linear
        )
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block."""
        y: Tensor = self.layers(x)
        return x + y if self.is_residual else y


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Return convolution, normalisation and SiLU."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [layer, BatchNorm(outputs), nn.SiLU()]
