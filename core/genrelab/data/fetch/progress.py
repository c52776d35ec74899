"""Progress in bytes, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

Advance = Callable[[int], None]


@contextmanager
def bytes_bar(what: str, total: int | None, done: int = 0) -> Iterator[Advance]:
    """Show a bar on stderr with rate and time left; give what is to be called with each number of bytes.

    Args:
        what: text before the bar.
        total: bytes in all, None where unknown.
        done: bytes that were there before.
    """
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda count: bar.advance(task, count)
