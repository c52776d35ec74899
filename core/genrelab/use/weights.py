"""Weights of a model that a stranger may have made: checked against the model before memory is taken for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from genrelab.errors import GenrelabError, InputError
from genrelab.use.description import check_regular

_LARGEST_HEADER = 1 << 24  # bytes: names and shapes of 100,000 tensors

Shapes = Mapping[str, tuple[int, ...]]


def read_header(file: Path) -> tuple[dict[str, str], Shapes]:
    """Return the texts in the header of a safetensors file, and the shape of each tensor; no tensor is read.

    Raises:
        InputError: no regular file, or one whose header is not true of its content.
    """
    check_regular(file)
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
    if length > min(_LARGEST_HEADER, file.stat().st_size):
        raise InputError(f"{file}: its header claims {length:,} bytes: damaged, or no safetensors file")
    try:
        with safetensors.safe_open(file, "pt") as found:  # checks offsets and the size of the file
            shapes = {name: tuple(found.get_slice(name).get_shape()) for name in found.keys()}  # noqa: SIM118
            return dict(found.metadata() or {}), shapes
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def load_model(build: Callable[[], nn.Module], file: Path) -> nn.Module:
    """Build a model and give it its weights, in eval mode.

    The model is first built without memory, and its shapes are compared with those in the file: then what it takes
    is what the file has.

    Raises:
        InputError: the file is damaged, or its weights are not those of this model.
    """
    _, shapes = read_header(file)
    problem = _difference(_shapes_without_memory(build), shapes)
    if problem:
        raise InputError(f"{file}: does not fit its model: {problem}")
    model = build()
    try:
        weights = safetensors.torch.load_file(file)
        model.load_state_dict(weights)
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{file}: does not fit its model: {str(error).splitlines()[-1].strip()}") from error
    bad = [name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()]
    if bad:
        raise InputError(f"{file}: {bad[0]} has values that are NaN or infinite")
    return model.eval()


def _shapes_without_memory(build: Callable[[], nn.Module]) -> Shapes:
    try:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in build().state_dict().items()}
    except GenrelabError:
        raise
    except Exception:  # a model that looks at its own values while it is built
        return {name: tuple(value.shape) for name, value in build().state_dict().items()}


def _difference(wanted: Shapes, given: Shapes) -> str:
    for name in sorted(wanted.keys() ^ given.keys()):
        return f"{name} is missing" if name in wanted else f"it has no {name}"
    wrong = [name for name in wanted if wanted[name] != given[name]]
    return f"{wrong[0]} is {given[wrong[0]]}, not {wanted[wrong[0]]}" if wrong else ""
