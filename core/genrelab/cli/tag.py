"""`genrelab tag`: predicted genres in the tags of audio files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genrelab.cli.console import table_console
from genrelab.cli.predict import load_again, model_options
from genrelab.errors import InputError

if TYPE_CHECKING:
    from genrelab.use.tagging import Step


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", metavar="RUN_OR_MODEL", type=click.Path(path_type=Path), help="What predicts the genres.")
@model_options
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--overwrite", is_flag=True, help="Tag files that have a genre, too.")
@click.option(
    "--at-least",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Probability below which a file is left as it is.",
)
@click.option("--undo", "undoing", is_flag=True, help="Give files the genre back that they had.")
def tag(
    folder: Path,
    model: Path | None,
    candidate: str | None,
    seed: int | None,
    plugins: tuple[Path, ...],
    dry_run: bool,
    overwrite: bool,
    at_least: float,
    undoing: bool,
) -> None:
    """Write the predicted genre into the tags of the audio files below FOLDER.

    Files that have a genre are left as they are, unless --overwrite is given. What files had is kept in
    FOLDER/genrelab-tags.jsonl, by which --undo gives it back.
    """
    from rich.console import Console

    from genrelab.training.device import use_one_thread
    from genrelab.use.many import predict_files
    from genrelab.use.tagging import tag as write
    from genrelab.use.tagging import to_tag, undo
    from genrelab.use.tags import check_mutagen

    check_mutagen()
    if undoing:
        _show(list(undo(folder)), "undone")
        return
    if model is None:
        raise InputError("name a run directory or an exported model with --model")
    use_one_thread()
    free, steps = to_tag(folder, overwrite)
    make = partial(load_again, model, candidate, seed, plugins, Path.cwd())
    classifier = make()
    heard = predict_files(list(free), classifier, make, hop=0.0, console=Console(stderr=True))
    steps += write(folder, heard, free, classifier, at_least=at_least, write=not dry_run)
    _show(sorted(steps, key=lambda step: step.path), "would be tagged" if dry_run else "tagged")
    if not dry_run and any(step.after for step in steps):
        click.echo(f"undo with: genrelab tag {folder} --undo")


def _show(steps: Sequence[Step], done: str) -> None:
    """Print a table and count what was done."""
    from rich.table import Table

    from genrelab.use.rows import safe

    table = Table("file", "genre", done, "")
    for step in steps:
        table.add_row(safe(step.path), safe(step.before), safe(step.after), safe(step.note))
    table_console().print(table)
    changed = sum(bool(step.after) for step in steps)
    click.echo(f"{changed} {done}, {len(steps) - changed} left as they are")
