"""A trained model as a folder to be given to others."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
import safetensors.torch

from genrelab import __version__
from genrelab.config.choices import tables
from genrelab.errors import InputError, WorkError
from genrelab.files import remove, write_bytes, write_json, write_text
from genrelab.plugins.registry import Registry
from genrelab.use.classifier import Classifier, load
from genrelab.use.description import MODEL_FILE, WEIGHTS_FILE, Description
from genrelab.use.graph import Input, trace
from genrelab.use.onnx_file import write_onnx
from genrelab.use.runs import Trained, choose, describe, fitted_temperature
from genrelab.use.torch_file import write_torch

Format = Literal["safetensors", "onnx", "torch-export"]
CARD = "README.md"

_FILES = {"onnx": ("model.onnx", write_onnx), "torch-export": ("model.pt2", write_torch)}
_RESAMPLES = 1000  # of the intervals on the card


@attrs.frozen
class Exported:
    """What was written."""

    folder: Path
    trained: Trained
    description: Description
    notes: tuple[str, ...]
    """One line for each program: how close it is to the model, and what it cannot do."""


def export(
    root: Path,
    candidate: str | None,
    seed: int | None,
    folder: Path,
    format_: Format,
    input_: Input,
    registry: Registry,
) -> Exported:
    """Write a folder with weights, model.json and model card, and a program where one is asked for.

    It has everything that `genrelab.load` needs but the components, which are found by their names, and nothing of
    the machine it was trained on. The folder appears when it is complete.

    Args:
        root: a run directory.
        candidate: one of its candidates; None where there is only one.
        seed: of the final run; None for the one that is best on validation.
        folder: must not be there.
        format_: safetensors: nothing further; onnx: model.onnx; torch-export: model.pt2.
        input_: of the program.
        registry: resolves components.

    Raises:
        InputError: no such candidate, the folder is there, or a package is missing.
        WorkError: the model cannot be exported in this format; the message says why.
    """
    if folder.exists():
        raise InputError(f"{folder}: is there already; name another folder with --output")
    trained = choose(root, candidate, seed)
    description = attrs.evolve(
        describe(trained, registry),
        temperature=fitted_temperature(trained),
        licence=str(trained.run.read()["dataset"].get("licence", "")),
        feature_version=registry.get("feature", trained.header["recipe"]["feature"]["name"]).version,
    )
    part = folder.with_name(f"{folder.name}.part")
    remove(part)
    part.mkdir(parents=True)
    try:
        write_json(part / MODEL_FILE, tables(description))
        weights = safetensors.torch.load_file(trained.weights)
        write_bytes(part / WEIGHTS_FILE, safetensors.torch.save(weights, {"genrelab": __version__}))
        write_text(part / CARD, _card(trained))
        classifier = load(part, registry=registry)
        notes = _write_program(classifier, part, format_, input_)
        part.replace(folder)
    finally:
        remove(part)
    return Exported(folder, trained, description, notes)


def _write_program(classifier: Classifier, folder: Path, format_: Format, input_: Input) -> tuple[str, ...]:
    if format_ == "safetensors":
        return ()
    name, write = _FILES[format_]
    traced = trace(classifier, input_)
    try:
        worst = write(traced, classifier.description, folder / name)
    except WorkError as error:
        if traced.fixed:
            raise
        traced = trace(classifier, input_, fixed=str(error))
        worst = write(traced, classifier.description, folder / name)
    notes = [f"{name}: probabilities within {worst:.1g} of the model's on lengths {traced.lengths()}"]
    if traced.fixed:
        notes.append(f"{name}: only for {traced.example.shape[-1]} {traced.axis} at once: {traced.fixed}")
    return tuple(notes)


def _card(trained: Trained) -> str:
    """Return the model card, as in the report of the study."""
    from genrelab.report.cards import card
    from genrelab.report.study import read_study

    study = read_study(trained.run.root, resamples=_RESAMPLES, seed=0)
    contender = next((c for c in study.judged if c.name == trained.candidate), None)
    if contender is None:
        raise WorkError(f"{trained.run.root}: the final runs of {trained.candidate} were not tested")
    return card(study, contender, WEIGHTS_FILE, trained.seed)
