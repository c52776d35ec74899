"""Residual blocks and squeeze-excitation."""

from __future__ import annotations

from torch import Tensor, nn

from genrelab_plugins.models._blocks import BatchNorm


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut: (batch, inputs, height, width) -> (batch, outputs, ...).

    He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385, figure 2.

    Args:
        inputs: channels.
        outputs: channels.
        stride: of the first convolution; height and width are divided by it, rounded up.
        projection: kernel of the shortcut's convolution, where there must be one.
        squeeze: whether channels are weighted before the shortcut is added (SE-ResNet).
    """

    def __init__(
        self, inputs: int, outputs: int, stride: int, *, projection: int = 1, squeeze: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(inputs, outputs, 3, stride),
            nn.ReLU(),
            *_convolution(outputs, outputs, 3, 1),
            *([SqueezeExcitation(outputs, max(4, outputs // 16), nn.ReLU())] if squeeze else []),
        )
        is_same = stride == 1 and inputs == outputs
        self.shortcut = nn.Sequential(*([] if is_same else _convolution(inputs, outputs, projection, stride)))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block."""
        y: Tensor = self.layers(x) + self.shortcut(x)
        return y.relu()


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), BatchNorm(outputs)]


class SqueezeExcitation(nn.Module):
    """Weight channels by what they all are on average: (batch, channels, height, width), same out.

    Hu, Shen and Sun, Squeeze-and-Excitation Networks, CVPR 2018, arXiv:1709.01507.

    Args:
        channels: in and out.
        squeezed: units of the hidden layer.
        activation: of the hidden layer.
    """

    def __init__(self, channels: int, squeezed: int, activation: nn.Module) -> None:
        super().__init__()
        self.weights = nn.Sequential(
            nn.Linear(channels, squeezed), activation, nn.Linear(squeezed, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels."""
        weights: Tensor = self.weights(x.mean((2, 3)))
        return x * weights[:, :, None, None]
