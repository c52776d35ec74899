"""`genrelab compare`: which candidate is better, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from genrelab.cli.console import literal, table_console
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry
from genrelab.times import Times

_RESAMPLES = 5000


@click.command()
@click.argument("runs", metavar="RUN [RUN ...]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where results go.  [default: the first RUN; NAME-splits beside it]",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=200),
    default=_RESAMPLES,
    show_default=True,
    help="Of the bootstrap, and permutations of each test.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the resamples.")
@click.option("--splits", is_flag=True, help="The RUNs are one experiment on several splits of its dataset.")
def compare(runs: tuple[Path, ...], out: Path | None, resamples: int, seed: int, splits: bool) -> None:
    """Compare the candidates of studies that share a test set.

    RUN is a run directory. Gives each score with a 95 % interval, tests every pair of candidates, and says in plain
    words what can be told apart and what cannot. Results go to comparison.json, comparison.md and CSV tables.

    With --splits, RUNs differ in split.seed or split.fold alone; intervals then hold the variance of the split.
    """
    from genrelab.compare.comparison import compare as find  # numpy and scipy take long to import
    from genrelab.compare.read import read_runs
    from genrelab.compare.read_splits import read_splits
    from genrelab.compare.splits import compare_splits
    from genrelab.compare.tables import write
    from genrelab.study.announce import announce_comparison

    if splits:
        several = read_splits(runs)
        found, folder = compare_splits(several), out or runs[0].parent / f"{several.name}-splits"
    else:
        found, folder = find(read_runs(runs), resamples=resamples, seed=seed), out or runs[0]
    write(folder, found)
    show_comparison(found)
    click.echo(f"results: {folder / 'comparison.md'}")
    if [folder] == [*runs]:  # the study's own, and it lies in its run directory
        announce_comparison(folder, found, Registry.discover())


def conclude(run: Path, registry: Registry, times: Times) -> str:
    """Compare the candidates of a study that has ended, tell its reporters, and return the verdict.

    Where they cannot be compared, that is what is returned: the study is no worse for it.
    """
    from genrelab.compare.comparison import compare as find
    from genrelab.compare.read import read_runs
    from genrelab.compare.tables import write
    from genrelab.study.announce import announce_comparison

    try:
        found = find(read_runs([run]), resamples=_RESAMPLES, seed=0)
    except InputError as error:
        return f"not compared: {error}"
    write(run, found)
    with times.spent("log"):
        announce_comparison(run, found, registry)
    return str(found["verdict"])


def show_comparison(comparison: Mapping[str, Any]) -> None:
    """Print the tables, the sentences and the verdict."""
    from rich.table import Table

    from genrelab.compare.tables import few_pairs, lines, tables

    console, comparison = table_console(), few_pairs(comparison)
    for table in tables(comparison):
        shown = Table(title=literal(table.title))
        for number, name in enumerate(table.header):
            shown.add_column(literal(name), justify="right" if number else "left")
        for row in table.rows:
            shown.add_row(*[literal(cell) for cell in row])
        console.print(shown)
    for line in lines(comparison):
        console.print(literal(line))
