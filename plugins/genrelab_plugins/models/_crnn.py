"""Parts of convolutional-recurrent architectures."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from genrelab_plugins.models import _blocks
from genrelab_plugins.models._convolution import Conv2d


class Crnn(nn.Module):
    """Convolutions, a recurrent part, pooling over time and a head.

    Args:
        convolutions: (batch, bins, frames) -> (batch, fewer frames, values).
        rnn: batch-first recurrent layers over these frames.
        pool: (batch, frames, values) -> (batch, values), whatever the number of frames.
        head: pooled vector -> logits (batch, classes).
    """

    def __init__(self, convolutions: nn.Module, rnn: nn.RNNBase, pool: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.rnn = rnn
        self.pool = pool
        self.head = head

    def embed(self, x: Tensor) -> Tensor:
        """Return the pooled vector that the head classifies: (batch, bins, frames) -> (batch, values)."""
        states, _ = self.rnn(self.convolutions(x))
        pooled: Tensor = self.pool(states)
        return pooled

    def forward(self, x: Tensor) -> Tensor:
        """Return logits: (batch, bins, frames) -> (batch, classes)."""
        logits: Tensor = self.head(self.embed(x))
        return logits


def convolutions1d(bins: int, hidden_dim: int, dropout: float, *, last_pool: bool = False) -> _blocks.Frames1d:
    """Return the study's convolutions along time: (batch, bins, frames) -> (batch, frames // 4, 4 * hidden_dim).

    With `last_pool` half as many frames.
    """
    layers = _three_convolutions(_conv1d, nn.MaxPool1d, bins, hidden_dim, last_pool)
    return _blocks.Frames1d(*layers, nn.Dropout(dropout))


def convolutions2d(hidden_dim: int, dropout: float, *, last_pool: bool = False) -> _blocks.Frames2d:
    """Return the study's convolutions over both: (batch, bins, frames) -> (batch, frames // 4, values).

    A frame has bins // 4 * 4 * hidden_dim values. With `last_pool` both frames and bins are divided by 8.
    """
    layers = _three_convolutions(Conv2d, nn.MaxPool2d, 1, hidden_dim, last_pool)
    return _blocks.Frames2d(*layers, nn.Dropout2d(dropout))


def _conv1d(inputs: int, outputs: int, kernel: int) -> nn.Module:
    return nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)


def _three_convolutions(
    conv: Callable[[int, int, int], nn.Module],
    pool: type[nn.MaxPool1d | nn.MaxPool2d],
    inputs: int,
    h: int,
    last_pool: bool,
) -> list[nn.Module]:
    # Pooling stands before ReLU: maximum and ReLU commute, and ReLU then has less to do.
    return [
        *(conv(inputs, h, 5), _blocks.BatchNorm(h), pool(2), nn.ReLU()),
        *(conv(h, 2 * h, 3), _blocks.BatchNorm(2 * h), pool(2), nn.ReLU()),
        *(conv(2 * h, 4 * h, 3), _blocks.BatchNorm(4 * h), *([pool(2)] if last_pool else []), nn.ReLU()),
    ]


def stacked(
    layer: type[nn.GRU | nn.LSTM],
    inputs: int,
    hidden: int,
    num_layers: int,
    *,
    dropout: float = 0.0,
    bidirectional: bool = True,
) -> nn.RNNBase:
    """Return recurrent layers: (batch, frames, inputs) -> (batch, frames, hidden for each direction).

    `dropout` acts between layers, so not at all on a single one.
    """
    between = dropout if num_layers > 1 else 0.0
    return layer(inputs, hidden, num_layers, batch_first=True, bidirectional=bidirectional, dropout=between)
