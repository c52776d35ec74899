"""Weights and checkpoints on disk: written atomically, read without running anything that they hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from genrelab.components import LearningRate

WEIGHTS = "best.safetensors"
CHECKPOINT = "checkpoint.pt"


def save_weights(directory: Path, model: nn.Module, metadata: dict[str, str] | None = None) -> None:
    """Write the model's state dict to ``best.safetensors``, with texts in the header."""
    tensors = {name: t.detach().contiguous().cpu() for name, t in model.state_dict().items()}
    part = directory / f"{WEIGHTS}.part"
    safetensors.torch.save_file(tensors, part, metadata)
    _replace(part, directory / WEIGHTS)


def load_weights(directory: Path, model: nn.Module) -> None:
    """Load ``best.safetensors`` into a model of the same shape."""
    model.load_state_dict(safetensors.torch.load_file(directory / WEIGHTS))


def save_checkpoint(
    directory: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    rates: Sequence[LearningRate],
    history: Sequence[dict[str, Any]],
) -> None:
    """Write everything that is needed to go on after this epoch."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rates": [rate.state_dict() for rate in rates],
        "history": list(history),
    }
    part = directory / f"{CHECKPOINT}.part"
    torch.save(state, part)
    _replace(part, directory / CHECKPOINT)


def load_checkpoint(
    directory: Path, model: nn.Module, optimizer: torch.optim.Optimizer, rates: Sequence[LearningRate]
) -> list[dict[str, Any]]:
    """Restore the last checkpoint, if any, into model, optimizer and schedules; return its history."""
    file = directory / CHECKPOINT
    if not file.is_file():
        return []
    state = torch.load(file, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    for rate, saved in zip(rates, state["rates"], strict=True):
        rate.load_state_dict(saved)
    history: list[dict[str, Any]] = state["history"]
    return history


def _replace(part: Path, file: Path) -> None:
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(file)
