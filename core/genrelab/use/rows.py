"""Predictions as a table for people, as CSV and as JSON Lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
from rich.table import Table
from rich.text import Text

from genrelab.csv_files import csv_text
from genrelab.data.store import Rejected
from genrelab.use.classifier import Classifier
from genrelab.use.many import Heard

_SHOWN = 3  # genres of a row of the table
_HEADER = ("path", "seconds", "windows", "genre", "probability", "reason", "message")


@attrs.frozen
class Row:
    """What is said of a file: its probabilities, or the reason why there are none."""

    path: str
    seconds: float = 0.0
    windows: int = 0
    probabilities: tuple[float, ...] = ()
    reason: str = ""
    message: str = ""

    def best(self, classes: Sequence[str]) -> list[tuple[float, str]]:
        """Return probabilities and genres, the most probable first."""
        return sorted(zip(self.probabilities, classes, strict=True), key=lambda pair: -pair[0])


def row_of(heard: Heard, classifier: Classifier, *, calibrated: bool) -> Row:
    """Return what is said of a file."""
    if isinstance(heard.outcome, Rejected):
        return Row(heard.path, reason=heard.outcome.reason, message=heard.outcome.message)
    mean = heard.outcome.mean
    found = classifier.calibrate(mean) if calibrated else mean
    return Row(heard.path, heard.outcome.seconds, len(heard.outcome.start), tuple(found.tolist()))


def csv_lines(rows: Iterable[Row], classes: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a CSV file: what is known of a file, then the probability of each genre."""
    yield csv_text([[*_HEADER, *(f"p({name})" for name in classes)]])
    for row in rows:
        known: list[Any] = [row.path, "", "", "", "", row.reason, row.message, *([""] * len(classes))]
        if row.probabilities:
            probability, genre = row.best(classes)[0]
            known = [row.path, f"{row.seconds:.3f}", row.windows, genre, _digits(probability), "", ""]
            known += map(_digits, row.probabilities)
        yield csv_text([known])


def json_lines(rows: Iterable[Row], classes: Sequence[str]) -> Iterator[str]:
    """Yield one line of JSON a file."""
    for row in rows:
        said: dict[str, Any] = {"path": row.path, "reason": row.reason, "message": row.message}
        if row.probabilities:
            probabilities = dict(zip(classes, row.probabilities, strict=True))
            said = {
                "path": row.path,
                "seconds": row.seconds,
                "windows": row.windows,
                "genre": row.best(classes)[0][1],
                "probabilities": probabilities,
            }
        yield json.dumps(said) + "\n"


def table(rows: Sequence[Row], classes: Sequence[str]) -> Table:
    """Return a table of the most probable genres of each file; the folder that all are in is named once."""
    folders = [os.path.dirname(os.path.abspath(row.path)) for row in rows]  # noqa: PTH100, PTH120 - many
    below = os.path.commonpath(folders) if len(rows) > 1 else ""
    title = "Genres and their probabilities" + (f"; files in {below}" if below else "")
    shown = Table("file", "length", "genre", "next", title=safe(title))
    for row in rows:
        name = os.path.relpath(row.path, below) if below else row.path
        if not row.probabilities:
            shown.add_row(safe(name), "", safe(row.message, "red"))
            continue
        (probability, genre), *others = row.best(classes)[:_SHOWN]
        following = ", ".join(f"{name} {p:.2f}" for p, name in others)
        shown.add_row(safe(name), minutes(row.seconds), safe(f"{genre} {probability:.2f}"), safe(following))
    return shown


def minutes(seconds: float) -> str:
    """Return a time as ``m:ss``."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def safe(text: str, style: str = "") -> Text:
    """Return a text that cannot steer the terminal: names of files and genres come from strangers."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), style)


def _digits(probability: float) -> str:
    return f"{probability:.6f}"
