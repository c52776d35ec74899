"""`genrelab validate` and `genrelab run`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genrelab.cli.compare import conclude
from genrelab.cli.console import literal, table_console
from genrelab.cli.times import show_times
from genrelab.config.files import load
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry
from genrelab.study.rundir import earlier_runs
from genrelab.times import Times

if TYPE_CHECKING:
    from genrelab.study.results import Row

_FILE = click.argument("experiment", type=click.Path(path_type=Path))
_SET = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a value of the file; may be repeated."
)
PLUGIN = click.option(
    "--plugin", "plugins", multiple=True, type=click.Path(path_type=Path), help="Try out a plugin file."
)
STORE = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path(".genrelab/store"),
    show_default=True,
    envvar="GENRELAB_STORE",
    help="Where computed features are kept, for all studies.",
)


def experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the experiment file and what changes it: --set, --plugin."""
    return _FILE(_SET(PLUGIN(command)))


@click.command()
@experiment_options
def validate(experiment: Path, overrides: tuple[str, ...], plugins: tuple[Path, ...]) -> None:
    """Check an experiment file and say everything that is wrong with it."""
    found = load(experiment, Registry.discover(plugins), overrides)
    earlier_runs(found.search)
    names = ", ".join(c.name for c in found.candidate)
    click.echo(f"{experiment}: ok: {found.trainings} trainings of {len(found.candidate)} candidates ({names})")


@click.command()
@experiment_options
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where results go.  [default: runs/NAME]")
@STORE
@click.option("--strict", is_flag=True, help="Fail where a file of the dataset cannot be used.")
@click.option("--resume", is_flag=True, help="Go on with a run; fail where there is none.")
@click.option("--restart", is_flag=True, help="Delete the run that is there, and start anew.")
def run(
    experiment: Path,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    run_dir: Path | None,
    store: Path,
    strict: bool,
    resume: bool,
    restart: bool,
) -> None:
    """Run an EXPERIMENT, or go on with it where it stopped. A run directory is an experiment, too: its own."""
    times = Times()
    registry = Registry.discover(plugins)
    file = experiment / "experiment.toml" if experiment.is_dir() else experiment
    found = load(file, registry, overrides)
    root = run_dir or (experiment if experiment.is_dir() else Path("runs") / found.name)
    if resume and (restart or not (root / "experiment.toml").is_file()):
        raise InputError(
            "--resume with --restart: give one of them" if restart else f"{root}: no run to go on with"
        )
    if restart:
        from genrelab.study.claim import restart as delete

        delete(root)
    from genrelab.study.run import run_study  # torch and Ax take seconds to import

    show_rows(run_study(found, registry, root, store, strict=strict, times=times))
    click.echo(conclude(root, registry, times))
    times.keep()
    show_times(times.total())
    click.echo(f"results: {root / 'results.md'}   dashboard: genrelab dashboard")


def show_rows(rows: list[Row]) -> None:
    """Print the result table."""
    from rich.table import Table

    from genrelab.study.results import HEADER

    table = Table(title="Test set, mean ± standard deviation over seeds")
    for number, name in enumerate(HEADER):
        table.add_column(name, justify="left" if number in (0, len(HEADER) - 1) else "right")
    for row in rows:
        *cells, last = row.cells()
        table.add_row(*[literal(cell) for cell in cells], literal(last if row.runs else "no result"))
    console = table_console()
    console.print(table)
    for row in rows:
        if not row.runs:
            console.print(literal(f"{row.candidate}: {row.message}"), soft_wrap=True)
