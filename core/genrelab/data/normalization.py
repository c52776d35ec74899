"""What is done to a clip's feature before it is stored, and to a training set's after.

`minmax`, `clip` and `band` need nothing but the clip and are stored normalised. `training_set` needs the training
clips, which only a split knows: it is stored as it is, and mean and deviation are applied when batches are served.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genrelab.config.experiment import NORMALIZATIONS
from genrelab.errors import InputError, WorkError

# Of the largest magnitude: a spread below this is rounding (float16 keeps 3 digits), not signal.
_CONSTANT = 1e-4


def normalize_clips(x: Tensor, kind: str) -> Tensor:
    """Normalise each clip of a batch by itself.

    Args:
        x: (batch, bins, frames), floating.
        kind: ``minmax``: each clip to 0..1; ``clip``: each clip to mean 0 and variance 1; ``band``: each bin of
            each clip to mean 0 and variance 1; ``none`` and ``training_set``: unchanged.

    Returns:
        Same shape and dtype. A clip or bin that is constant becomes 0.

    Raises:
        InputError: no such kind.
    """
    match stored_as(kind):
        case "minmax":
            low, high = x.amin((1, 2), keepdim=True), x.amax((1, 2), keepdim=True)
            return _divide(x - low, high - low, torch.maximum(low.abs(), high.abs()))
        case "clip" | "band":
            over = (1, 2) if kind == "clip" else (2,)
            variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
            return _divide(x - mean, variance.sqrt(), x.abs().amax(over, keepdim=True))
    return x


def stored_as(kind: str) -> str:
    """Return the normalisation that stored clips have: ``none`` where the training set must be known first.

    Raises:
        InputError: no such kind.
    """
    if kind not in NORMALIZATIONS:
        raise InputError(f"normalization {kind!r} is not one of {', '.join(NORMALIZATIONS)}")
    return "none" if kind == "training_set" else kind


def training_statistics(blocks: Iterable[NDArray[np.float16]]) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each bin over all clips and frames of a training set.

    Args:
        blocks: clips (n, bins, frames) float16, in any division into blocks.

    Returns:
        (mean, deviation), float32, each (bins, 1), to be used as ``(x - mean) / deviation``. The deviation of a
        constant bin is 1.

    Raises:
        WorkError: there are no clips.
    """
    clips, first, second = 0, torch.zeros(()), torch.zeros(())
    for block in blocks:
        variance, mean = torch.var_mean(torch.from_numpy(block).float(), 2, correction=0)  # (n, bins)
        clips += len(block)
        first = first + mean.double().sum(0)
        second = second + (variance.double() + mean.double().square()).sum(0)
    if not clips:
        raise WorkError("normalization 'training_set': the training set has no clips")
    mean = first / clips
    deviation = (second / clips - mean.square()).clamp_min(0).sqrt()
    deviation = deviation.where(deviation > _CONSTANT * mean.abs(), torch.ones(()).double())
    return mean.float()[:, None], deviation.float()[:, None]


def _divide(x: Tensor, spread: Tensor, magnitude: Tensor) -> Tensor:
    constant = spread <= _CONSTANT * magnitude
    return (x / spread.masked_fill(constant, 1)).masked_fill(constant, 0)
