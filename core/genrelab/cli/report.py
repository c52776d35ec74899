"""`genrelab report`: a page about a study."""

from __future__ import annotations

from pathlib import Path

import click

from genrelab.cli.experiments import PLUGIN
from genrelab.plugins.registry import Registry


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--genre", "genres", multiple=True, help="Show spectrograms of this genre; may be repeated.")
@click.option("--perplexity", type=click.FloatRange(min=1), default=30, show_default=True, help="Of t-SNE.")
@click.option("--iterations", type=click.IntRange(min=250), default=1000, show_default=True, help="Of t-SNE.")
@click.option(
    "--points", type=click.IntRange(min=10), default=3000, show_default=True, help="Tracks in t-SNE at the most."
)
@click.option(
    "--resamples", type=click.IntRange(min=200), default=5000, show_default=True, help="As for genrelab compare."
)
@PLUGIN
def report(
    run: Path,
    genres: tuple[str, ...],
    perplexity: float,
    iterations: int,
    points: int,
    resamples: int,
    plugins: tuple[Path, ...],
) -> None:
    """Write a page about a study that opens from disk, with figures, tables and model cards as files.

    RUN is a run directory; an unfinished one is reported as far as it has come. Results go to RUN/report.
    """
    from genrelab.report.command import write_report  # imports matplotlib and scipy
    from genrelab.report.sections.embeddings import TsneOptions
    from genrelab.study.announce import announce_comparison

    tsne = TsneOptions(perplexity, iterations, points)
    registry = Registry.discover(plugins)
    page, study = write_report(run, registry, shown=genres, tsne=tsne, resamples=resamples)
    click.echo(study.comparison.get("verdict", "no final run is completed yet"))
    click.echo(f"report: {page}")
    if study.comparison:
        announce_comparison(run, study.comparison, registry)
