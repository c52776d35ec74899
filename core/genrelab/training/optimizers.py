"""Optimizers, which parameters decay, and the moving average of weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genrelab.config.experiment import Train


def make_optimizer(model: nn.Module, settings: Train) -> torch.optim.Optimizer:
    """Return the optimizer of a model: adam, adamw, sgd (Nesterov) or radam, all from torch.

    RAdam is Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, ICLR 2020, arXiv:1908.03265.
    """
    groups: Any = _groups(model, settings)
    rate = settings.learning_rate
    match settings.optimizer:  # fused: one pass over the weights, on the CPU as well
        case "adamw":
            return torch.optim.AdamW(groups, rate, fused=True)
        case "sgd":
            momentum = settings.momentum
            return torch.optim.SGD(groups, rate, momentum=momentum, nesterov=momentum > 0, fused=True)
        case "radam":
            return torch.optim.RAdam(groups, rate, decoupled_weight_decay=True)
        case _:
            return torch.optim.Adam(groups, rate, fused=True)


def _groups(model: nn.Module, settings: Train) -> list[dict[str, Any]]:
    """Biases and the parameters of normalisation layers are those with one dimension."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = {True: parameters, False: []}
    if not settings.decay_biases:
        groups = {decays: [p for p in parameters if (p.ndim > 1) is decays] for decays in (True, False)}
    return [
        {"params": group, "weight_decay": settings.weight_decay if decays else 0.0}
        for decays, group in groups.items()
        if group
    ]


def make_average(model: nn.Module, decay: float, device: torch.device) -> AveragedModel | None:
    """Return a copy of a model that follows its weights as an exponential moving average; None for decay 0.

    The running statistics of BatchNorm are averaged with the weights that they belong to.
    """
    if not decay:
        return None
    follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return AveragedModel(model, device, multi_avg_fn=follow, use_buffers=True)
