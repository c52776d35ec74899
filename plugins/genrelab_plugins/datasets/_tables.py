"""Rows of a table in a file: CSV, TSV, JSON Lines or Parquet, told by the file's ending."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from genrelab import InputError

Row = Mapping[str, Any]
Rows = Iterator[tuple[str, Row]]
Check = Callable[[Collection[str]], None]
"""Gets the names of the columns; raises where one is missing."""


def read_rows(file: Path, check: Check) -> Rows:
    """Yield where each row is ("line 2", "row 1") and its values by column.

    Args:
        file: .csv, .tsv (both UTF-8 with a header), .jsonl or .ndjson (an object a line), or .parquet.
        check: called with the columns.

    Raises:
        InputError: another ending, or not readable as what the ending says.
    """
    read = _READERS.get(file.suffix.lower())
    if read is None:
        raise InputError(f"{file}: cannot read tables of this kind (known: {' '.join(_READERS)})")
    return read(file, check)


def _delimited(file: Path, check: Check, dialect: str) -> Rows:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, dialect=dialect, strict=True)
            check(reader.fieldnames or [])
            yield from ((f"line {reader.line_num}", row) for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: not readable as CSV in UTF-8: {error}") from error


def _json_lines(file: Path, check: Check) -> Rows:
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not readable as JSON Lines in UTF-8: {error}") from error
    rows = {f"line {n}": _json_object(file, n, line) for n, line in enumerate(lines, 1) if line.strip()}
    check({column: None for row in rows.values() for column in row})
    yield from rows.items()


def _json_object(file: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{file}, line {number}: not readable as JSON: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f"{file}, line {number}: expected a JSON object")
    return row


def _parquet(file: Path, check: Check) -> Rows:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(f"{file}: Parquet files need pyarrow: pip install pyarrow") from error
    try:
        with parquet.ParquetFile(file) as table:
            check(table.schema_arrow.names)
            rows = (row for batch in table.iter_batches() for row in batch.to_pylist())
            yield from ((f"row {number}", row) for number, row in enumerate(rows, 1))
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{file}: not readable as Parquet: {error}") from error


_READERS: dict[str, Callable[[Path, Check], Rows]] = {
    ".csv": lambda file, check: _delimited(file, check, "excel"),
    ".tsv": lambda file, check: _delimited(file, check, "excel-tab"),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
