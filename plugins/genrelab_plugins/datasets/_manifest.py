"""Tracks from a manifest: a table with one row a track."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from genrelab import SUBSETS, InputError, Track
from genrelab_plugins.datasets._tables import Row, read_rows

REQUIRED = ("path", "genre")
OPTIONAL = ("artist", "album", "title", "split", "start", "duration")


def read_manifest(manifest: Path, columns: Mapping[str, str], root: Path | None = None) -> list[Track]:
    """Read the tracks, in the order of the rows.

    A row with a start or a duration (seconds) is an excerpt of its file; its id says so: ``mix.mp3@30+15``.

    Args:
        manifest: a table that `read_rows` reads.
        columns: what columns are called, where not by their own name. One that is optional may be missing, unless
            it is called otherwise.
        root: folder that the paths are relative to, the manifest's own if None.

    Raises:
        InputError: not readable, a column is missing, a row lacks its path or genre, a path is absolute or leaves
            the folder, a track comes twice, a split is unknown, a time is no number; with the line.
    """
    names = {name: columns.get(name, name) for name in (*REQUIRED, *OPTIONAL)}
    needed = [column for name, column in names.items() if name in REQUIRED or column != name]

    def check(found: Collection[str]) -> None:
        missing = [column for column in needed if column not in found]
        if missing:
            raise InputError(f"{manifest}: no column {missing[0]!r} (found: {', '.join(found) or 'nothing'})")

    tracks: dict[str, tuple[str, Track]] = {}
    for place, row in read_rows(manifest, check):
        try:
            track = _track(root or manifest.parent, row, names)
            if track.id in tracks:
                raise ValueError(f"{track.id!r} is on {tracks[track.id][0]} already")
        except ValueError as error:
            raise InputError(f"{manifest}, {place}: {error}") from None
        tracks[track.id] = place, track
    if not tracks:
        raise InputError(f"{manifest}: no rows")
    return [track for _, track in tracks.values()]


def _track(root: Path, row: Row, names: Mapping[str, str]) -> Track:
    cells = {name: _text(row.get(column)) for name, column in names.items()}
    for name in REQUIRED:
        if not cells[name]:
            raise ValueError(f"no {names[name]}")
    path = PurePosixPath(cells["path"])
    if path.is_absolute() or ".." in path.parts or "\0" in cells["path"]:
        raise ValueError(f"the path {cells['path']!r} leads out of the folder {str(root)!r}")
    if cells["split"] and cells["split"] not in SUBSETS:
        raise ValueError(f"split {cells['split']!r} is not one of {', '.join(SUBSETS)} or empty")
    start, duration = (_seconds(cells[name], names[name]) for name in ("start", "duration"))
    return Track(
        id=str(path) + _excerpt(start, duration),
        path=root / path,
        label=cells["genre"],
        artist=cells["artist"],
        split=cells["split"],
        title=cells["title"],
        album=cells["album"],
        start=start,
        duration=duration,
    )


def _text(value: object) -> str:
    """Return a cell as text; missing values of JSON and Parquet (None, NaN) are empty."""
    return "" if value is None or value != value else str(value).strip()


def _seconds(text: str, column: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{column} {text!r} is not a number of seconds")
    return value


def _excerpt(start: float, duration: float) -> str:
    if not start and not duration:
        return ""
    return f"@{_short(start)}" + (f"+{_short(duration)}" if duration else "")


def _short(seconds: float) -> str:
    return str(seconds).removesuffix(".0")
