"""The page of a report: sections made of blocks; figures and tables are files as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from matplotlib.figure import Figure

from genrelab.compare.tables import Table, markdown_text
from genrelab.csv_files import write_csv
from genrelab.files import write_text
from genrelab.report.drawing import write_figure

_LONG = 20  # lines; more are folded up


@attrs.frozen
class Text:
    """A paragraph, a heading within a section, or something to be read word for word."""

    text: str
    kind: str = "text"
    """text, heading or code."""


@attrs.frozen
class Lines:
    """A list of sentences."""

    title: str
    lines: Sequence[str]
    kind: str = "list"

    @property
    def long(self) -> bool:
        """Whether it is folded up until it is asked for."""
        return len(self.lines) > _LONG // 2


@attrs.frozen
class Picture:
    """A figure in the page."""

    svg: Markup
    caption: str
    name: str
    width: int
    """Pixels at its natural size."""
    kind: str = "picture"


@attrs.frozen
class Listing:
    """A table in the page."""

    table: Table
    name: str
    words: frozenset[int] = frozenset()
    """Columns of words beside the first; the others hold numbers."""
    kind: str = "table"

    @property
    def long(self) -> bool:
        """Whether it is folded up until it is asked for."""
        return len(self.table.rows) > _LONG


@attrs.frozen
class Folded:
    """Blocks that are folded up until they are asked for."""

    title: str
    blocks: Sequence[Block]
    kind: str = "folded"


Block = Text | Lines | Picture | Listing | Folded
UNFOLDED = 4
"""Candidates whose figures are shown at once, where each has many."""


def unfolded(parts: Sequence[tuple[str, Sequence[Block]]]) -> list[Block]:
    """Show the first of many parts, fold the others up, and all of these once more where they are many.

    Args:
        parts: each with its title.
    """
    shown = [block for _, blocks in parts[:UNFOLDED] for block in blocks]
    others = [Folded(title, blocks) for title, blocks in parts[UNFOLDED:]]
    return [*shown, *([Folded(f"{len(others)} more candidates", others)] if len(others) > _LONG // 2 else others)]


@attrs.frozen
class Section:
    """A part of the page."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """What a link leads to."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower())


@attrs.frozen
class Page:
    """Where figures and tables of a report go as they are made.

    Args:
        folder: of the report.
        working: told what is being worked on.
    """

    folder: Path
    working: Callable[[str], None] = lambda _: None

    def picture(self, name: str, figure: Figure, caption: str) -> Picture:
        """Write a figure as PNG and SVG; the caption says what it shows."""
        svg = write_figure(figure, self.folder / "figures", name)
        return Picture(Markup(svg), caption, name, round(96 * figure.get_figwidth()))  # noqa: S704 -- matplotlib escapes

    def table(self, name: str, table: Table, words: Sequence[int] = ()) -> Listing:
        """Write a table as CSV and Markdown."""
        write_csv(self.folder / "tables" / f"{name}.csv", table.header, table.rows)
        write_text(self.folder / "tables" / f"{name}.md", table.markdown())
        return Listing(table, name, frozenset(words))


def render(template: str, **content: object) -> str:
    """Fill a template of this package; everything that is put in is escaped."""
    environment = Environment(loader=PackageLoader(__package__, "."), autoescape=True, trim_blocks=True)
    environment.filters["cell"] = lambda text: Markup(markdown_text(str(text)))  # noqa: S704 -- escaped there
    return environment.get_template(template).render(content)
