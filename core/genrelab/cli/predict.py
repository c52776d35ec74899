"""`genrelab predict`: the genre of any audio, by a model that was trained here or exported elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genrelab.cli.console import table_console
from genrelab.cli.experiments import PLUGIN
from genrelab.errors import WorkError

if TYPE_CHECKING:
    from genrelab.use.classifier import Classifier
    from genrelab.use.many import Heard
    from genrelab.use.rows import Row

_MODEL = click.argument("model", metavar="RUN_OR_MODEL", type=click.Path(path_type=Path))
_CANDIDATE = click.option("--candidate", metavar="NAME", help="Of a run directory with several.")
_SEED = click.option("--seed", type=int, help="Final run to use.  [default: the best on validation]")


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose a model of a run directory: --candidate, --seed, --plugin."""
    return _CANDIDATE(_SEED(PLUGIN(command)))


@click.command()
@_MODEL
@click.argument(
    "audio", metavar="FILE_OR_FOLDER [...]", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
@model_options
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "jsonl"]),
    default="table",
    show_default=True,
    help="Of what is printed.",
)
@click.option("--calibrated", is_flag=True, help="Temper probabilities by the temperature fitted on validation.")
@click.option(
    "--hop",
    type=click.FloatRange(min=0.01),
    default=None,
    help="Seconds between clips.  [default: a clip's length]",
)
@click.option(
    "--timeline", type=click.Path(path_type=Path, file_okay=False), help="Folder for probabilities over time."
)
def predict(
    model: Path,
    audio: tuple[Path, ...],
    candidate: str | None,
    seed: int | None,
    plugins: tuple[Path, ...],
    kind: str,
    calibrated: bool,
    hop: float | None,
    timeline: Path | None,
) -> None:
    """Tell the genre of audio files of any length.

    RUN_OR_MODEL is a run directory or a folder made by genrelab export. A file that cannot be used gets a row with
    the reason. --timeline writes a table and a picture for each file.
    """
    from rich.console import Console

    from genrelab.training.device import use_one_thread
    from genrelab.use.many import find_files, predict_files
    from genrelab.use.rows import row_of

    use_one_thread()
    make = partial(load_again, model, candidate, seed, plugins, Path.cwd())
    classifier = make()
    heard = predict_files(find_files(audio), classifier, make, hop=hop or 0.0, console=Console(stderr=True))
    if timeline:
        heard = _with_timelines(heard, timeline, classifier.classes)
    counts = {"all": 0, "bad": 0}
    _write(
        (row_of(h, classifier, calibrated=calibrated) for h in _counted(heard, counts)), classifier.classes, kind
    )
    if counts["bad"]:
        click.echo(f"{counts['bad']} of {counts['all']} files cannot be used", err=True)
    if counts["bad"] == counts["all"]:
        raise WorkError("no file can be used")


def load_again(
    path: Path, candidate: str | None, seed: int | None, plugins: tuple[Path, ...], start: Path
) -> Classifier:
    """Load the model, in any process: what is given names it."""
    from genrelab.plugins.registry import Registry
    from genrelab.use.classifier import load

    return load(path, candidate=candidate, seed=seed, registry=Registry.discover(plugins, start))


def _counted(heard: Iterable[Heard], counts: dict[str, int]) -> Iterator[Heard]:
    from genrelab.data.store import Rejected

    for one in heard:
        counts["all"] += 1
        counts["bad"] += isinstance(one.outcome, Rejected)
        yield one


def _with_timelines(heard: Iterable[Heard], folder: Path, classes: Sequence[str]) -> Iterator[Heard]:
    from genrelab.data.store import Rejected
    from genrelab.use.timeline import write_timeline

    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for one in heard:
        if not isinstance(one.outcome, Rejected):
            write_timeline(folder, one.path, one.outcome, classes, taken)
        yield one


def _write(rows: Iterable[Row], classes: Sequence[str], kind: str) -> None:
    """Print rows as they come; all at once where a progress bar is on the same terminal."""
    from genrelab.use.rows import csv_lines, json_lines, table

    if kind == "table":
        table_console().print(table(list(rows), classes))
        return
    lines = csv_lines(rows, classes) if kind == "csv" else json_lines(rows, classes)
    for line in list(lines) if sys.stdout.isatty() else lines:
        click.echo(line.encode(errors="surrogateescape"), nl=False)
