"""A traced model as a program of torch.export."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor

from genrelab.use.any_length import with_torch_operators
from genrelab.use.description import Description, facts
from genrelab.use.graph import Traced, check_equal

_TOLERANCE = 1e-5  # of probabilities


def write_torch(traced: Traced, description: Description, file: Path) -> float:
    """Write a program that ``torch.export.load(file).module()`` runs where there is torch, but no genrelab.

    Its argument and result are those of `write_onnx`; the extra file ``genrelab.json`` holds classes, sample_rate
    and temperature. The program of `traced` is changed, so it comes last.

    Returns:
        By how much its probabilities differ from the model's, at most.

    Raises:
        WorkError: it cannot be run, or gives other numbers.
    """
    program = with_torch_operators(traced.program)
    program.example_inputs = None  # it would be saved: longer than most weights
    extra = {"genrelab.json": json.dumps(facts(description))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that share memory, as those of recurrent layers do
        torch.export.save(program, file, extra_files=extra)
    loaded = torch.export.load(file).module()

    def run(x: Tensor) -> Tensor:
        with torch.inference_mode():
            found: Tensor = loaded(x)
        return found

    return check_equal(traced, run, f"the torch program of model {description.model.name!r}", _TOLERANCE)
