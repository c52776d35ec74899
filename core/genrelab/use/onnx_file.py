"""A traced model as an ONNX file."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genrelab.errors import InputError, WorkError
from genrelab.texts import brief
from genrelab.use.any_length import onnx_translations
from genrelab.use.description import Description, facts
from genrelab.use.graph import AXES, Traced, check_equal

OPSET = 18
_TOLERANCE = 1e-4  # of probabilities
_TIME = {"waveform": 1, "feature": 2}  # axis


def write_onnx(traced: Traced, description: Description, file: Path) -> float:
    """Write a program as ONNX, run it, and return by how much its probabilities differ from the model's, at most.

    Input ``waveform`` (batch, samples) or ``feature`` (batch, bins, frames), output ``probabilities`` (batch,
    classes), all float32. The metadata hold classes, sample_rate and temperature, as JSON.

    Raises:
        InputError: the packages of the extra ``export`` are missing.
        WorkError: the model cannot be expressed in ONNX, or gives other numbers there; the message says why.
    """
    try:
        import onnxruntime

        translations = onnx_translations()
    except ImportError as error:
        raise InputError(f"ONNX needs further packages: pip install 'genrelab[export]' ({error})") from error
    model = f"model {description.model.name!r} with feature {description.feature.name!r}"
    try:
        with _silence():
            program = torch.onnx.export(
                traced.program, dynamo=True, opset_version=OPSET, custom_translation_table=translations
            )
    except Exception as error:  # whatever a compiler can raise
        raise WorkError(f"ONNX cannot express {model}: {_cause(error)}") from error
    if program is None:
        raise WorkError(f"ONNX cannot express {model}")
    _describe(program.model, traced, description)
    program.save(file)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])

    def run(x: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {traced.input: x.numpy()})[0])

    return check_equal(traced, run, f"the ONNX model of {model}", _TOLERANCE)


def _describe(model: Any, traced: Traced, description: Description) -> None:
    """Name inputs, outputs and axes, and add what is needed to use the model."""
    graph = model.graph
    graph.inputs[0].name, graph.outputs[0].name = traced.input, "probabilities"
    axes = AXES[traced.input]
    free = {0} if traced.fixed else {0, _TIME[traced.input]}
    for axis in free:
        graph.inputs[0].shape[axis] = axes[axis]
    graph.outputs[0].shape[0] = axes[0]
    model.metadata_props.update({name: json.dumps(value) for name, value in facts(description).items()})


@contextlib.contextmanager
def _silence() -> Any:
    """Keep to itself what the exporter says of its own progress and future."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)


def _cause(error: BaseException) -> str:
    """Return the innermost reason that an exporter gives."""
    while error.__cause__ is not None:
        error = error.__cause__
    return brief(error)
