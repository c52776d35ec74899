"""Weights and checkpoints on disk: written atomically, read without running anything that they hold."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from genrelab.errors import DamagedError
from genrelab.files import tell_made_again, write_bytes
from genrelab.texts import brief

WEIGHTS = "best.safetensors"
CHECKPOINT = "checkpoint.pt"


class Stateful(Protocol):
    """Part of a training that a checkpoint holds: model, optimizer, schedule, scaler, average."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything needed to go on."""

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Go on from what `state_dict` gave."""


def save_weights(directory: Path, model: nn.Module, metadata: Mapping[str, str]) -> None:
    """Write the model's state dict to ``best.safetensors``, with texts in the header."""
    tensors = {name: t.detach().contiguous().cpu() for name, t in model.state_dict().items()}
    write_bytes(directory / WEIGHTS, safetensors.torch.save(tensors, dict(metadata)))


def check_weights(directory: Path) -> None:
    """Look whether ``best.safetensors`` is there as a whole.

    Raises:
        DamagedError: it is not.
    """
    file = directory / WEIGHTS
    try:
        with safetensors.safe_open(file, "pt"):  # compares its header with its size
            pass
    except FileNotFoundError as error:
        raise DamagedError(f"{file}: is gone") from error
    except SafetensorError as error:
        raise DamagedError(f"{file}: is damaged: {error}") from error


def load_weights(directory: Path, model: nn.Module) -> None:
    """Load ``best.safetensors`` into a model of the same shape."""
    model.load_state_dict(safetensors.torch.load_file(directory / WEIGHTS))


def save_checkpoint(directory: Path, parts: Mapping[str, Stateful], progress: Mapping[str, Any]) -> None:
    """Write the state of every part, and how far the training has come, to ``checkpoint.pt``."""
    buffer = io.BytesIO()  # torch hides why a write to disk has failed
    torch.save({"parts": {name: p.state_dict() for name, p in parts.items()}, "progress": dict(progress)}, buffer)
    write_bytes(directory / CHECKPOINT, buffer.getbuffer())


def load_checkpoint(directory: Path, parts: Mapping[str, Stateful]) -> dict[str, Any]:
    """Restore the last checkpoint, if any, into the parts; return its progress, {} where there is none.

    One that is damaged, or whose weights are, is none either, and that is told.
    """
    if not (directory / CHECKPOINT).is_file():
        return {}
    try:
        state = _read_checkpoint(directory)
    except DamagedError as error:
        tell_made_again(error)
        return {}
    for name, part in parts.items():
        part.load_state_dict(state["parts"][name])
    progress: dict[str, Any] = state["progress"]
    return progress


def _read_checkpoint(directory: Path) -> dict[str, Any]:
    file = directory / CHECKPOINT
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise DamagedError(f"{file}: is damaged: {brief(error)}") from error
    if state["progress"]["history"]:
        check_weights(directory)
    return state
