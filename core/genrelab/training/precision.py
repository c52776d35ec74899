"""In which precision a model computes, and whether it is compiled."""

from __future__ import annotations

import copy
import sys
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from genrelab.config.experiment import Train
from genrelab.errors import InputError


class Precision:
    """How a training computes on a device.

    Args:
        settings: precision and tf32.
        device: where it computes.

    Raises:
        InputError: float16 on a device without scaled gradients.
    """

    def __init__(self, settings: Train, device: torch.device) -> None:
        if settings.precision == "float16" and device.type != "cuda":
            raise InputError(f"train.precision: float16 needs a CUDA device, not {device}; use float32 or bfloat16")
        self._device, self._type = device.type, getattr(torch, settings.precision)
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "float16")
        """Scales the loss of float16; does nothing otherwise."""
        if device.type == "cuda":
            _set_tf32(settings.tf32)

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context of a forward pass."""
        return torch.autocast(self._device, self._type, enabled=self._type is not torch.float32)


def _set_tf32(allowed: bool) -> None:
    backends: Any = torch.backends
    for products in (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn):
        products.fp32_precision = "tf32" if allowed else "ieee"


def compile_model(model: nn.Module, shape: tuple[int, int], device: torch.device) -> None:
    """Compile a model in place, or leave it as it is, with a warning, where torch cannot.

    A copy is compiled and trained for a step first: torch compiles when it is called, too late to go back.
    """
    trial = copy.deepcopy(model).train()
    try:
        trial.compile()
        trial(torch.zeros(2, *shape, device=device)).sum().backward()
    except Exception as error:  # whatever a compiler can raise
        reason = (str(error).splitlines() or [""])[0]
        print(f"warning: trains without torch.compile: {type(error).__name__}: {reason}", file=sys.stderr)  # noqa: T201
        return
    model.compile()
