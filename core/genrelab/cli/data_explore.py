"""`genrelab data explore`: a page about the dataset of an experiment."""

from __future__ import annotations

from pathlib import Path

import click

from genrelab.cli.experiments import experiment_options
from genrelab.config.files import load
from genrelab.plugins.registry import Registry
from genrelab.study.listeners import Listeners


@click.command()
@experiment_options
@click.option("--tracks", multiple=True, metavar="ID", help="Show this track; may be repeated.")
@click.option(
    "--per-genre", type=click.IntRange(1, 20), default=2, show_default=True, help="Examples of each genre."
)
@click.option("--out", type=click.Path(path_type=Path), help="Where the page goes.  [default: runs/NAME-explore]")
def explore(
    experiment: Path,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    tracks: tuple[str, ...],
    per_genre: int,
    out: Path | None,
) -> None:
    """Look at the dataset of an experiment: a page with pictures and sound.

    Reads the headers of all files, and decodes a few tracks of each genre. Reporters of the experiment are told, so
    that Aim shows the pictures too.
    """
    registry = Registry.discover(plugins)
    found = load(experiment, registry, overrides)
    reporters = Listeners(found.reporter, registry)
    from genrelab.data.explore.command import explore as write_page  # imports torch and matplotlib

    folder = out or Path("runs") / f"{found.name}-explore"
    with reporters:
        reporters.tell(write_page(found, registry, folder, tracks=tracks, per_genre=per_genre))
    click.echo(f"page: {folder / 'index.html'}")
