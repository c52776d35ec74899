"""What is shown of where the time of a study went."""

from __future__ import annotations

from collections.abc import Mapping

from genrelab.cli.console import table_console
from genrelab.times import HEADER, TITLE, shares


def show_times(total: Mapping[str, float]) -> None:
    """Print a table of what `Times.total` gave."""
    from rich.table import Table

    table = Table(title=TITLE)
    for name in HEADER:
        table.add_column(name, justify="left" if name == HEADER[0] else "right")
    for row in shares(total):
        table.add_row(*row, end_section=row[0] == "other")
    table_console().print(table)
