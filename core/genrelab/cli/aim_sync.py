"""`genrelab aim-sync`: write studies into Aim again, from their run directories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genrelab.errors import WorkError
from genrelab.plugins.registry import Registry

if TYPE_CHECKING:
    import pluggy

    from genrelab.study.replay import Event

REPORTER = "aim"


@click.command("aim-sync")
@click.argument("runs", metavar="RUN [RUN ...]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    help="Folder that holds the Aim repository.  [default: the experiment's, or runs]",
)
def aim_sync(runs: tuple[Path, ...], repo: Path | None) -> None:
    """Write studies into Aim, from their run directories.

    RUN is a run directory. What Aim has of the study already is overwritten, so this can be done any number of
    times; curves have the times of the trainings. Nothing is lost when the folder .aim is deleted before.
    """
    from genrelab.study.claim import held
    from genrelab.study.replay import replay

    registry = Registry.discover()
    for run in runs:
        events = list(replay(run))  # read as a whole, so that a broken directory leaves Aim as it is
        # Its own reporter writes to Aim while a study runs, and Aim allows one writer.
        with held(run, "; wait until it has ended, it writes to Aim itself"):
            write(events, listener(registry, run, repo), run)
        click.echo(f"{run}: {sum(type(e).__name__ == 'TrialEnd' for e in events)} trainings are in Aim")


def listener(registry: Registry, run: Path, repo: Path | None) -> pluggy.PluginManager:
    """Return the reporter `aim` of the experiment."""
    from genrelab.config.choices import structure
    from genrelab.config.experiment import ReporterChoice
    from genrelab.plugins.loading import listen
    from genrelab.study.rundir import RunDirectory

    experiment = RunDirectory(run).read()
    own: dict[str, Any] = next((r for r in experiment.get("reporter", []) if r["name"] == REPORTER), {})
    table = own | {"name": REPORTER} | ({"repo": str(repo)} if repo else {})
    choice = structure(table, ReporterChoice, registry, str(run / "experiment.toml"))
    return listen(registry.build("reporter", REPORTER, choice.params), f"reporter {REPORTER}")


def write(events: list[Event], aim: pluggy.PluginManager, run: Path) -> None:
    """Tell Aim everything, with a bar on a terminal.

    Raises:
        WorkError: Aim fails.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from genrelab.study.listeners import tell
    from genrelab.texts import brief

    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        for event in bar.track(events, description=run.name):
            try:
                tell(aim, event)
            except Exception as error:
                raise WorkError(f"{run}: Aim fails: {brief(error)}") from error
