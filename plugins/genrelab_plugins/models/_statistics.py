"""What the floors look at: statistics of each bin over time, standardised by those of the training clips."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

# Of the mean's magnitude: a deviation below this is rounding (features are stored as float16), not signal.
_CONSTANT = 1e-4


class Statistics(nn.Module):
    """Mean and standard deviation of each bin over time: (batch, bins, frames) -> (batch, values).

    With `deltas` the root mean square of the change from one frame to the next follows, so 3 values a bin, not 2.
    """

    def __init__(self, bins: int, deltas: bool) -> None:
        super().__init__()
        self.deltas = deltas
        self.values = bins * (3 if deltas else 2)
        self.standardize = Standardize(self.values)

    def forward(self, x: Tensor) -> Tensor:
        """Return the standardised statistics."""
        variance, mean = torch.var_mean(x, 2, correction=0)
        parts = [mean, _root(variance)]
        if self.deltas:
            parts.append(_root(x.diff(dim=2).square().mean(2)))
        standardized: Tensor = self.standardize(torch.cat(parts, 1))
        return standardized


def _root(x: Tensor) -> Tensor:
    return x.clamp_min(1e-12).sqrt()  # a gradient at 0 as well, for maps of what a model looks at


class Standardize(nn.Module):
    """Subtract the mean and divide by the deviation of all vectors seen in training: (batch, values), same out.

    After the first epoch that is what scikit-learn's StandardScaler does. BatchNorm would use the statistics of
    each batch, which are noise in batches of small collections, and a running average of them when predicting.
    Mean and variance are brought up to date with each batch (Chan, Golub and LeVeque, Updating formulae and a
    pairwise algorithm for computing sample variances, 1979). A value that is always the same becomes 0.
    """

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, values: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.zeros(values))
        self.register_buffer("variance", torch.ones(values))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise; in training, learn the statistics first."""
        if self.training:
            self._update(x.detach())
        deviation = self.variance.sqrt()
        is_constant = deviation <= _CONSTANT * self.mean.abs()
        return (x - self.mean) / deviation.masked_fill(is_constant, 1)

    def _update(self, x: Tensor) -> None:
        self.count += x.shape[0]
        share = x.shape[0] / self.count
        variance, mean = torch.var_mean(x, 0, correction=0)
        change = mean - self.mean
        between = share * (1 - share) * change.square()
        self.variance.lerp_(variance, share).add_(between)
        self.mean.add_(share * change)


class SoftClip(nn.Module):
    """Bend values beyond `limit` deviations towards it, so that no outlier decides: any shape, same out."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        """Bend."""
        return self.limit * torch.tanh(x / self.limit)


class RandomFeatures(nn.Module):
    """Cosines whose products approximate a Gaussian kernel: (batch, values) -> (batch, features).

    Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NIPS 2007: with z the output, z(x) . z(y) is
    about gain^2 * exp(-gamma / values * |x - y|^2). For standardised values and gamma 1 that is the kernel of
    scikit-learn's SVC at its defaults.

    Args:
        values: of a vector.
        features: cosines; the error of the kernel is about gain^2 / sqrt(features).
        gamma: how local the kernel is.
        gain: root of the kernel of a vector with itself.
    """

    weight: Tensor
    phase: Tensor

    def __init__(self, values: int, features: int, gamma: float, gain: float) -> None:
        super().__init__()
        self.amplitude = gain * math.sqrt(2 / features)
        self.register_buffer("weight", torch.randn(features, values) * math.sqrt(2 * gamma / values))
        self.register_buffer("phase", torch.rand(features) * 2 * math.pi)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the cosines."""
        return self.amplitude * torch.cos(F.linear(x, self.weight, self.phase))


class One(nn.Module):
    """All that a model without ears knows of a clip: anything -> ones (batch, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ones."""
        return x.new_ones(x.shape[0], 1)


def linear_from_zero(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer whose weights are 0: what is convex needs no random start."""
    layer = nn.Linear(inputs, outputs, bias)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
