"""Progress in files, with the pace and those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

Advance = Callable[[bool], None]


class _Pace(ProgressColumn):
    """Files a second."""

    def render(self, task: Task) -> Text:
        """Show the pace, once it is known."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def files_bar(what: str, total: int, refused: str, console: Console) -> Iterator[Advance]:
    """Show a bar, if the console is a terminal; give what is to be called for each file.

    Args:
        what: text before the bar.
        total: files in all.
        refused: what is said of the files for which `True` is given.
        console: where the bar is shown.
    """
    columns = (what, BarColumn(), MofNCompleteColumn(), _Pace(), TimeRemainingColumn(), "{task.fields[bad]}")
    with Progress(*columns, console=console, disable=not console.is_terminal or not total) as bar:
        task, bad = bar.add_task("", total=total, bad=""), 0

        def advance(is_bad: bool) -> None:
            nonlocal bad
            bad += is_bad
            bar.update(task, advance=1, bad=f"{bad} {refused}" if bad else "")

        yield advance
