"""Tracks from a manifest: a CSV file with a header, one row a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from genrelab import SUBSETS, InputError, Track

Row = Mapping[str, str | None]


def read_manifest(manifest: Path, columns: Mapping[str, str]) -> list[Track]:
    """Read the tracks, in the order of the rows.

    Args:
        manifest: UTF-8; the paths in it are relative to its folder.
        columns: what the columns for path, genre and artist are called; a column ``artist`` may be missing.

    Raises:
        InputError: not readable as CSV, a column is missing, a row lacks its path or genre, a path is absolute,
            leaves the folder or comes twice, or a split is unknown; with the line.
    """
    tracks: dict[str, tuple[int, Track]] = {}
    for line, row in _rows(manifest, columns):
        try:
            track = _track(manifest.parent, row, columns)
            if track.id in tracks:
                raise ValueError(f"{track.id!r} is on line {tracks[track.id][0]} already")
        except ValueError as error:
            raise InputError(f"{manifest}, line {line}: {error}") from None
        tracks[track.id] = line, track
    if not tracks:
        raise InputError(f"{manifest}: no rows")
    return [track for _, track in tracks.values()]


def _rows(manifest: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, Row]]:
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = reader.fieldnames or []
            for column in columns.values():
                if column not in header and column != "artist":
                    raise InputError(f"{manifest}: no column {column!r} (found: {', '.join(header) or 'nothing'})")
            yield from ((reader.line_num, row) for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{manifest}: not readable as CSV in UTF-8: {error}") from error


def _track(root: Path, row: Row, columns: Mapping[str, str]) -> Track:
    def cell(column: str) -> str:
        return (row.get(column) or "").strip()

    path, genre, split = cell(columns["path"]), cell(columns["genre"]), cell("split")
    for column, value in ((columns["path"], path), (columns["genre"], genre)):
        if not value:
            raise ValueError(f"no {column}")
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts or "\0" in path:
        raise ValueError(f"the path {path!r} leads out of the manifest's folder")
    if split and split not in SUBSETS:
        raise ValueError(f"split {split!r} is not one of {', '.join(SUBSETS)} or empty")
    return Track(
        id=str(relative),
        path=root / relative,
        label=genre,
        artist=cell(columns["artist"]),
        split=split,
        title=cell("title"),
    )
