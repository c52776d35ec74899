"""`genrelab export`: a trained model as a folder to be given to others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genrelab.cli.predict import model_options


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@model_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(["safetensors", "onnx", "torch-export"]),
    default="safetensors",
    show_default=True,
    help="Whether a program goes with the weights.",
)
@click.option(
    "--input",
    "input_",
    type=click.Choice(["waveform", "feature"]),
    default="waveform",
    show_default=True,
    help="What the program takes.",
)
@click.option("--output", type=click.Path(path_type=Path), help="The folder.  [default: STUDY-CANDIDATE]")
def export(
    run: Path,
    candidate: str | None,
    seed: int | None,
    plugins: tuple[Path, ...],
    format_: Any,
    input_: Any,
    output: Path | None,
) -> None:
    """Write a trained model into a folder: weights, parameters, model card and, if asked for, a program.

    genrelab predict and genrelab.load take the folder; a program runs where there is no genrelab: model.onnx in any
    ONNX runtime, model.pt2 (torch-export) where there is torch.
    """
    from genrelab.plugins.registry import Registry
    from genrelab.training.device import use_one_thread
    from genrelab.use.export import export as write

    use_one_thread()
    folder = output or Path("-".join(filter(None, [run.resolve().name, candidate])))
    found = write(run, candidate, seed, folder, format_, input_, Registry.discover(plugins))
    for note in found.notes:
        click.echo(note)
    names = ", ".join(sorted(f.name for f in found.folder.iterdir()))
    click.echo(f"{found.folder}: {names}: {found.trained.candidate}, seed {found.trained.seed}")
