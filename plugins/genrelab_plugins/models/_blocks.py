"""Parts that several architectures share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab import InputError


class Classifier(nn.Module):
    """A body that makes one vector of a clip, and a head that classifies it.

    Args:
        body: modules, one after the other: (batch, bins, frames) -> (batch, values).
        head: (batch, values) -> logits (batch, classes).
    """

    def __init__(self, *body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.head = head

    def embed(self, x: Tensor) -> Tensor:
        """Return the vector that the head classifies: (batch, bins, frames) -> (batch, values)."""
        vector: Tensor = self.body(x)
        return vector

    def forward(self, x: Tensor) -> Tensor:
        """Return logits: (batch, bins, frames) -> (batch, classes)."""
        logits: Tensor = self.head(self.embed(x))
        return logits


class Picture(nn.Module):
    """See `picture`."""

    def forward(self, x: Tensor) -> Tensor:
        """View."""
        return picture(x)


def picture(x: Tensor) -> Tensor:
    """View clips as pictures of one channel: (batch, bins, frames) -> (batch, 1, bins, frames).

    In the order that convolutions want on a CPU (channels_last). `Tensor.to` cannot do that: with one channel it
    sees no difference.
    """
    return x.contiguous().unsqueeze(-1).permute(0, 3, 1, 2)


class Frames1d(nn.Module):
    """Layers along time, for which bins are channels: (batch, bins, frames) -> (batch, fewer frames, values)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return frames as the recurrent part wants them."""
        features: Tensor = self.layers(x)  # (batch, channels, frames)
        return features.transpose(1, 2)


class Frames2d(nn.Module):
    """Layers over time and frequency: (batch, bins, frames) -> (batch, fewer frames, fewer bins * channels)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return frames as the recurrent part wants them."""
        # A frame's values lie together from here to the RNN, whose input then needs no copy.
        features: Tensor = self.layers(picture(x.transpose(1, 2)))  # (batch, channels, frames, bins)
        return features.permute(0, 2, 3, 1).flatten(2)


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation of (batch, channels, ...) that can train on a single value a channel.

    That is what a batch or micro-batch of one short clip may leave. Its own statistics say nothing, so the running
    ones take their place.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel over all other axes."""
        training = self.training and x.numel() > x.shape[1]
        if training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)  # as torch's own layers do
        statistics = self.running_mean, self.running_var
        return F.batch_norm(x, *statistics, self.weight, self.bias, training, self.momentum or 0.0, self.eps)


def two_layer_head(inputs: int, hidden: int, dropout: float, classes: int) -> nn.Sequential:
    """Return the classifier of a pooled vector: (batch, inputs) -> logits (batch, classes)."""
    layers = (nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, classes))
    return nn.Sequential(*layers)


def check_shape(shape: tuple[int, int], *, bins: int, frames: int) -> None:
    """Refuse features that are too small for a model.

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
