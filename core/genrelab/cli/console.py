"""Where tables are printed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from genrelab.texts import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_WIDE = 160  # columns where tables do not go to a terminal


def table_console() -> Console:
    """Return a console on stdout, as wide as the terminal, or wide enough for every table where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE)


def literal(text: str) -> Text:
    """Return a text that is shown as it is: neither markup, nor anything that a terminal obeys."""
    from rich.text import Text

    return Text(printable(text))
