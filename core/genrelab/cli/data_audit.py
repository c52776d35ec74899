"""`genrelab data audit`: what straddles the split of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from genrelab.cli.console import literal
from genrelab.cli.experiments import STORE, experiment_options
from genrelab.config.files import load
from genrelab.plugins.registry import Registry

if TYPE_CHECKING:
    from genrelab.data.audit.leaks import Leaks

_SHOWN = 15  # leaks of a kind that the terminal shows


@click.command()
@experiment_options
@STORE
@click.option("--out", type=click.Path(path_type=Path), help="Where results go.  [default: runs/NAME-audit]")
def audit(
    experiment: Path, overrides: tuple[str, ...], plugins: tuple[Path, ...], store: Path, out: Path | None
) -> None:
    """Find what straddles the split of an experiment.

    Looks for artists, albums, identical files and near-duplicate recordings (re-encoded, louder, shifted) that are
    on both sides, and counts the test tracks that they touch.
    """
    registry = Registry.discover(plugins)
    found = load(experiment, registry, overrides)
    folder = out or Path("runs") / f"{found.name}-audit"
    from genrelab.data.audit.command import audit as find  # imports torch

    leaks = find(found, registry, folder, store)
    show_leaks(leaks)
    click.echo(leaks.note() or f"audit: nothing straddles the split; {leaks.tests} test tracks")
    if leaks.unsearched:
        click.echo(f"near-duplicates were not looked for: {leaks.unsearched}")
    click.echo(f"results: {folder / 'audit.json'}, audit.csv")


def show_leaks(leaks: Leaks) -> None:
    """Print a table of what straddles, the worst of each kind."""
    from rich.console import Console
    from rich.table import Table

    from genrelab.components import SUBSETS
    from genrelab.data.audit.leaks import KINDS

    table = Table("straddling", "what", *SUBSETS, "test tracks", "agreement", "offset")
    for kind, (one, several) in KINDS.items():
        worst = sorted(leaks.of(kind), key=lambda leak: (-len(leak.tests), -leak.agreement))
        for leak in worst[:_SHOWN]:
            counts = [str(sum(subset == s for _, subset in leak.tracks)) for s in SUBSETS]
            near = (f"{leak.agreement:.2f}", f"{leak.offset:+.2f} s") if kind == "near_duplicate" else ("", "")
            what = " ~ ".join(i for i, _ in leak.tracks) if kind == "near_duplicate" else leak.name
            table.add_row(one, literal(what), *counts, str(len(leak.tests)), *near)
        if len(worst) > _SHOWN:
            table.add_row(f"{len(worst) - _SHOWN} more {several}")
    if leaks.leaks:
        console = Console()
        console.width = console.width if console.is_terminal else 160
        console.print(table)
