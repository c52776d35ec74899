"""`genrelab runs`, and what `genrelab show` says of a run directory or of one training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genrelab.cli.console import literal, table_console
from genrelab.cli.times import show_times
from genrelab.errors import GenrelabError, InputError
from genrelab.jobs import JOB_FILE, METRICS, TRACEBACK
from genrelab.texts import printable

if TYPE_CHECKING:
    from genrelab.study.status import RunStatus, TrainingStatus


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"))
def runs(folder: Path) -> None:
    """List the runs in FOLDER with their state, how far they are, the best so far, and their age."""
    from genrelab.study.status import find_runs

    rows = [_run_row(root) for root in find_runs(folder)]
    if not rows:
        raise InputError(f"{folder}: holds no run directory")
    _table(("run", "state", "trainings", "best of the search", "age"), rows)


def _run_row(root: Path) -> tuple[str, ...]:
    from genrelab.study.status import age, read_run

    try:
        run = read_run(root)
    except GenrelabError as error:  # of one run: the others are listed all the same
        return str(root), "damaged", "", str(error), ""
    return str(root), run.state, f"{run.done}", _bests(run), age(run.updated)


def show_run(folder: Path) -> None:
    """Tell the story of a study, or of one training where the folder is that of one.

    Raises:
        InputError: it is neither.
    """
    if (folder / JOB_FILE).is_file():
        _show_training(folder)
    elif (folder / "experiment.toml").is_file():
        _show_study(folder)
    else:
        raise InputError(f"{folder}: is neither a run directory nor the folder of a training")


def _show_study(root: Path) -> None:
    from genrelab.study.status import STAGES, age, read_run

    run = read_run(root)
    click.echo(f"{root}: {run.state}, {run.done} trainings have ended; since {age(run.updated)}")
    for name, stages in run.candidates.items():
        for stage, title in STAGES.items():
            if trainings := stages[stage]:
                click.echo(f"\n{name}, {title}")
                _table(("training", "status", run.metric, "epochs", "settings"), [_row(t, run) for t in trainings])
    if run.times:
        click.echo("")
        show_times(run.times)
    click.echo(f"\nmore of one training: genrelab show {root}/candidates/NAME/trials/000")


def _show_training(folder: Path) -> None:
    from genrelab.files import read_lines
    from genrelab.study.status import read_training

    training = read_training(folder)
    message = training.result.get("message", "")
    click.echo(f"{folder}: {training.status}" + (f": {printable(message)}" if message else ""))
    for name, value in training.settings.items():
        click.echo(printable(f"  {name} = {value!r}"))
    best = training.result.get("best_epoch")
    rows = [
        (
            f"{record['epoch']}{' *' if record['epoch'] == best else ''}",
            f"{record['train']['loss']:.4f}",
            *(f"{record['validation'][m]:.4f}" for m in ("loss", "accuracy", "f1_macro")),
            f"{record['learning_rate']:.3g}",
            f"{record['seconds']:.1f}",
        )
        for record in read_lines(folder / METRICS)
    ]
    _table(("epoch", "train loss", "val loss", "val accuracy", "val F1-macro", "learning rate", "s"), rows)
    for subset, values in training.result.get("metrics", {}).items():
        shown = ("loss", "accuracy", "f1_macro", "f1_weighted")
        click.echo(f"{subset} with the best weights: " + ", ".join(f"{m} {values[m]:.4f}" for m in shown))
    if (trace := folder / TRACEBACK).is_file():
        click.echo(f"\n{printable(trace.read_text(encoding='utf-8', errors='replace'))}")


def _row(training: TrainingStatus, run: RunStatus) -> tuple[str, ...]:
    from genrelab.study.results import settings_text

    value = training.value(run.metric)
    told = settings_text(training.settings) or training.result.get("message", "")
    epochs = str(training.result.get("epochs", ""))
    return training.folder.name, training.status, "" if value is None else f"{value:.4g}", epochs, told


def _bests(run: RunStatus) -> str:
    found = {name: run.best(name) for name in run.candidates}
    known = ", ".join(f"{name} {value:.3g}" for name, value in found.items() if value is not None)
    return f"{run.metric}: {known}" if known else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in header:
        table.add_column(name)
    for row in rows:
        table.add_row(*[literal(cell) for cell in row])
    table_console().print(table)
