"""Write the report of a run directory: all of it, or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from genrelab import __version__
from genrelab.compare.tables import write as write_comparison
from genrelab.errors import InputError
from genrelab.files import remove, write_text
from genrelab.plugins.registry import Registry
from genrelab.report.cards import write_cards
from genrelab.report.drawing import STYLE
from genrelab.report.page import Block, Page, Section, render
from genrelab.report.sections.calibration import calibration
from genrelab.report.sections.confused import confused
from genrelab.report.sections.confusions import confusions, genres
from genrelab.report.sections.cost import cost
from genrelab.report.sections.curves import curves
from genrelab.report.sections.data import data
from genrelab.report.sections.embeddings import TsneOptions, embeddings
from genrelab.report.sections.origin import origin
from genrelab.report.sections.results import results
from genrelab.report.sections.search import search
from genrelab.report.sections.spectrograms import spectrograms
from genrelab.report.study import Study, missing, read_study

FOLDER = "report"
Make = Callable[[Study, Page], list[Block]]


def write_report(
    root: Path,
    registry: Registry,
    *,
    shown: Sequence[str] = (),
    tsne: TsneOptions | None = None,
    resamples: int = 5000,
    seed: int = 0,
) -> tuple[Path, Study]:
    """Write ``report/`` into a run directory; what was there before stays until the new one is complete.

    Args:
        root: the run directory, finished or not.
        registry: resolves the models that make the embeddings; nothing that the directory names is executed.
        shown: genres whose spectrograms are shown; empty for the largest.
        tsne: how embeddings are drawn.
        resamples: of the comparison.
        seed: of the resamples; the same seed gives the same report.

    Returns:
        The page, and what it tells of.

    Raises:
        InputError: no run directory, files that cannot be read, an unknown genre, or another process at it.
    """
    study = read_study(root, resamples=resamples, seed=seed)
    sections: dict[str, Make] = {
        "Results": results,
        "Genres": genres,
        "Training": curves,
        "Confusion": confusions,
        "Most confused genres": confused,
        "Embeddings": partial(embeddings, registry=registry, options=tsne or TsneOptions()),
        "Spectrograms": partial(spectrograms, genres=shown),
        "Search": search,
        "Calibration": calibration,
        "Cost": cost,
        "Data": data,
        "How to make it again": origin,
    }
    with _replaced(root / FOLDER) as folder, mpl.rc_context(STYLE):
        made = [*_make(study, sections, folder)]
        if study.comparison:
            write_comparison(folder / "data", study.comparison)
        write_cards(study, folder / "cards")
        verdict = study.comparison.get("verdict", "Nothing can be said yet: no final run is completed.")
        content = {"study": study, "verdict": verdict, "missing": missing(study), "sections": made}
        write_text(folder / "index.html", render("page.html", version=__version__, **content))
    return root / FOLDER / "index.html", study


def _make(study: Study, sections: dict[str, Make], folder: Path) -> Iterator[Section]:
    """Make the sections one by one, with a bar on a terminal."""
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("report", total=len(sections))
        page = Page(folder, lambda what: bar.update(task, description=what))
        for title, make in sections.items():
            page.working(title)
            yield Section(title, make(study, page))
            bar.advance(task)


@contextlib.contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of another one once it is filled without an error."""
    new, old = (folder.with_name(f"{folder.name}.{state}") for state in ("part", "old"))
    try:
        with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0):
            for left_behind in (new, old):
                remove(left_behind)
            new.mkdir()
            try:
                yield new
                if folder.exists():
                    folder.rename(old)
                new.rename(folder)
            finally:
                for done_with in (new, old):
                    remove(done_with)
    except Timeout:
        raise InputError(f"{folder}: another process writes this report") from None
