"""Losses on soft labels, and what balances genres of different size: weights of the loss, or the order of clips."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits (batch, classes), soft labels (batch, classes)) -> loss of each clip (batch,)."""

_BETA = 0.999  # of Cui et al.: a genre counts for at most 1 / (1 - beta) clips


def make_loss(settings: Train, counts: Tensor) -> Loss:
    """Return the loss that clips are trained with.

    Args:
        settings: loss, focal_gamma, label_smoothing and class_weights.
        counts: training clips of each class (classes,).
    """
    weights, smoothing = class_weights(counts, settings.class_weights), settings.label_smoothing
    if settings.loss == "focal":
        return lambda logits, y: focal_loss(
            logits.float(), y, weights, gamma=settings.focal_gamma, label_smoothing=smoothing
        )
    return lambda logits, y: F.cross_entropy(
        logits.float(), y, weights, reduction="none", label_smoothing=smoothing
    )


def focal_loss(
    logits: Tensor, labels: Tensor, weights: Tensor, *, gamma: float, label_smoothing: float = 0.0
) -> Tensor:
    """Return the cross entropy of each clip with easy clips counting less (batch,).

    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, arXiv:1708.02002; for soft labels each class's
    part of the cross entropy has its own factor ``(1 - p) ** gamma``.

    Args:
        logits: (batch, classes).
        labels: soft labels (batch, classes), each row summing to 1.
        weights: of the classes (classes,).
        gamma: 0 gives the cross entropy.
        label_smoothing: share of the label that is spread evenly over all classes.
    """
    log_p = F.log_softmax(logits, 1)
    spread = labels * (1 - label_smoothing) + label_smoothing / labels.shape[1]
    rest = (-torch.expm1(log_p)).clamp_min(1e-7)  # 1 - p, away from 0 where a fractional power has no gradient
    return -(rest**gamma * spread * weights * log_p).sum(1)


def class_weights(counts: Tensor, kind: str) -> Tensor:
    """Return the weights of classes (classes,), with mean 1 over the training clips.

    Args:
        counts: training clips of each class (classes,).
        kind: ``none``; ``inverse``: by 1 / clips; ``effective``: by 1 / the effective number of clips, Cui et al.,
            Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019, arXiv:1901.05555.
    """
    clips = counts.double().clamp_min(1)
    match kind:
        case "inverse":
            weights = 1 / clips
        case "effective":
            weights = (1 - _BETA) / (1 - _BETA**clips)
        case _:
            weights = torch.ones_like(clips)
    return (weights * counts.sum() / (weights * counts).sum()).float()


def draw_order(labels: Tensor, sampling: str, generator: torch.Generator) -> Tensor:
    """Return the order of an epoch: indices of training clips (clips,).

    Args:
        labels: class of each training clip (clips,), on the CPU.
        sampling: ``all``: every clip once; ``balanced``: drawn with replacement, every class equally often.
        generator: where the order comes from.
    """
    if sampling == "all":
        return torch.randperm(len(labels), generator=generator)
    share = 1 / torch.bincount(labels).double()
    return torch.multinomial(share[labels], len(labels), replacement=True, generator=generator)
