"""CSV files, in which a spreadsheet computes nothing that strangers have written.

A title such as ``=HYPERLINK(...)`` would be a formula where the file is opened. Texts that begin like one get a
leading apostrophe, as the OWASP foundation advises (CSV Injection); `read_csv` takes it away again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from genrelab.files import write_text

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-|[+-]?[\d.,]+(e[+-]?\d+)?%?\**( \([-\d. to]*\))?")  # also one with its interval


def write_csv(file: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV file at once."""
    write_text(file, csv_text([header, *rows]))


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as the text of a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()  # lines end with \r\n: else a \r in a title would end one, too


def read_csv(file: Path) -> list[dict[str, str]]:
    """Return the rows of what `write_csv` wrote, by column; names of files that are not UTF-8 keep their bytes."""
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        return [{name: _text(cell) for name, cell in row.items()} for row in csv.DictReader(lines)]


def _cell(value: object) -> object:
    text = str(value) if isinstance(value, str | Path) else ""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else value


def _text(cell: str) -> str:
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell) else cell
