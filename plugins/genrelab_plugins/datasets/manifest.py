"""Tracks that a table lists: CSV, TSV, JSON Lines or Parquet, with columns of any name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from genrelab import Dataset, InputError, Track, hookimpl, setting


@attrs.frozen
class Params:
    """Where the table is, and how its columns are called."""

    file: str = setting("", help="the table: .csv, .tsv, .jsonl, .ndjson or .parquet", place=True)
    root: str = setting("", help="folder that the paths are relative to; empty: the table's own", place=True)
    path_column: str = setting("path", help="column: the audio file, relative to root")
    genre_column: str = setting("genre", help="column: the genre")
    artist_column: str = setting("artist", help="column: the artist, who is kept on one side of a split")
    album_column: str = setting("album", help="column: the album")
    title_column: str = setting("title", help="column: the title")
    split_column: str = setting("split", help="column: train, validation, test or empty")
    start_column: str = setting("start", help="column: where the track begins in its file, seconds")
    duration_column: str = setting("duration", help="column: how long the track is, seconds; empty: to the end")


def build(params: Params) -> list[Track]:
    """List the tracks, ordered by id; path and genre are required, other columns may be missing or have gaps.

    Raises:
        InputError: the table cannot be read, lacks a column, or has a row that cannot be meant; with the line.
    """
    from genrelab_plugins.datasets._manifest import read_manifest

    if not params.file:
        raise InputError("manifest: set file to the table of tracks")
    root = Path(params.root).expanduser() if params.root else None
    if root and not root.is_dir():
        raise InputError(f"manifest: root {root} is not a folder")
    columns = {k.removesuffix("_column"): v for k, v in attrs.asdict(params).items() if k.endswith("_column")}
    return sorted(read_manifest(Path(params.file).expanduser(), columns, root), key=lambda track: track.id)


@hookimpl
def provide_datasets() -> Iterable[Dataset]:
    """Provide ``manifest``."""
    return [Dataset("manifest", Params, build)]
