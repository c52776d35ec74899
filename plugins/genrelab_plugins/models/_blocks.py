"""Parts that the four convolutional-recurrent architectures share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genrelab import InputError


class Crnn(nn.Module):
    """Convolutions, a recurrent part, pooling over time and a head.

    Args:
        convolutions: (batch, bins, frames) -> (batch, frames // 4, values).
        rnn: batch-first recurrent layers over these frames.
        pool: (batch, frames // 4, values) -> (batch, values), whatever the number of frames.
        head: pooled vector -> logits (batch, classes).
    """

    def __init__(
        self, convolutions: nn.Module, rnn: nn.RNNBase, pool: Callable[[Tensor], Tensor], head: nn.Module
    ) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.rnn = rnn
        self.pool = pool
        self.head = head

    def embed(self, x: Tensor) -> Tensor:
        """Return the pooled vector that the head classifies: (batch, bins, frames) -> (batch, values)."""
        states, _ = self.rnn(self.convolutions(x))
        return self.pool(states)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits: (batch, bins, frames) -> (batch, classes)."""
        logits: Tensor = self.head(self.embed(x))
        return logits


class Convolutions1d(nn.Module):
    """Convolutions along time: (batch, bins, frames) -> (batch, frames // 4, 4 * hidden_dim)."""

    def __init__(self, bins: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        layers = _three_convolutions(nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d, bins, hidden_dim)
        self.layers = nn.Sequential(*layers, nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        """Return frames as the recurrent part wants them."""
        features: Tensor = self.layers(x)  # (batch, channels, frames)
        return features.transpose(1, 2)


class Convolutions2d(nn.Module):
    """Convolutions over time and frequency: (batch, bins, frames) -> (batch, frames // 4, values).

    A frame has bins // 4 * 4 * hidden_dim values.
    """

    def __init__(self, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        layers = _three_convolutions(nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, 1, hidden_dim)
        self.layers = nn.Sequential(*layers, nn.Dropout2d(dropout))

    def forward(self, x: Tensor) -> Tensor:
        """Return frames as the recurrent part wants them."""
        # A frame's values lie together from here to the RNN: channels_last convolutions are faster on a CPU,
        # and the RNN's input needs no copy. With one channel `to` sees no difference, hence the strides by hand.
        planes = x.transpose(1, 2).contiguous().unsqueeze(-1).permute(0, 3, 1, 2)  # (batch, 1, frames, bins)
        features: Tensor = self.layers(planes)  # (batch, channels, frames, bins)
        return features.permute(0, 2, 3, 1).flatten(2)


def _three_convolutions(
    conv: type[nn.Conv1d | nn.Conv2d],
    norm: type[nn.BatchNorm1d | nn.BatchNorm2d],
    pool: type[nn.MaxPool1d | nn.MaxPool2d],
    inputs: int,
    h: int,
) -> list[nn.Module]:
    # Pooling stands before ReLU: maximum and ReLU commute, and ReLU then has less to do.
    return [
        *(conv(inputs, h, 5, padding=2), norm(h), pool(2), nn.ReLU()),
        *(conv(h, 2 * h, 3, padding=1), norm(2 * h), pool(2), nn.ReLU()),
        *(conv(2 * h, 4 * h, 3, padding=1), norm(4 * h), nn.ReLU()),
    ]


def stacked(
    layer: type[nn.GRU | nn.LSTM], inputs: int, hidden: int, num_layers: int, dropout: float = 0.0
) -> nn.RNNBase:
    """Return bidirectional layers: (batch, frames, inputs) -> (batch, frames, 2 * hidden).

    `dropout` acts between layers, so not at all on a single one.
    """
    between = dropout if num_layers > 1 else 0.0
    return layer(inputs, hidden, num_layers, batch_first=True, bidirectional=True, dropout=between)


def mean_over_time(states: Tensor) -> Tensor:
    """Average over time: (batch, frames, values) -> (batch, values)."""
    return states.mean(1)


def mean_and_max_over_time(states: Tensor) -> Tensor:
    """Average and maximum over time, one after the other: (batch, frames, values) -> (batch, 2 * values)."""
    return torch.cat([states.mean(1), states.amax(1)], dim=1)


def two_layer_head(inputs: int, hidden: int, dropout: float, classes: int) -> nn.Sequential:
    """Return the classifier of a pooled vector: (batch, inputs) -> logits (batch, classes)."""
    layers = (nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes))
    return nn.Sequential(*layers)


def check_shape(shape: tuple[int, int], *, bins: int, frames: int) -> None:
    """Refuse features that two poolings would leave with nothing.

    Args:
        shape: (bins, frames) of the feature.
        bins: fewest bins that the model can take.
        frames: fewest frames that the model can take.

    Raises:
        InputError: the feature has fewer of either.
    """
    if shape[0] < bins or shape[1] < frames:
        raise InputError(
            f"the model needs features of at least {bins} x {frames} (bins x frames), these are "
            f"{shape[0]} x {shape[1]}: take longer clips, a shorter hop_length or more bins"
        )
