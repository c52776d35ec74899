"""The tracks of a study as a table on disk: what was used, in which subset, with the digest of its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from genrelab.components import Track
from genrelab.csv_files import read_csv, write_csv
from genrelab.data.sums import check_sum
from genrelab.errors import DamagedError

COLUMNS = (*(field.name for field in attrs.fields(Track)), "digest")


@attrs.frozen
class Tracks:
    """Usable tracks with the subset of each."""

    tracks: tuple[Track, ...]
    """`split` is the subset in this study."""
    digests: tuple[str, ...]
    """Digest of each file's bytes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Genres, sorted: the order of class indices."""
        return tuple(sorted({t.label for t in self.tracks}))

    @property
    def subsets(self) -> list[str]:
        """Subset of each track."""
        return [t.split for t in self.tracks]


def write_tracks(file: Path, tracks: Tracks) -> None:
    """Write a table of tracks at once."""
    write_csv(file, COLUMNS, [[*attrs.astuple(t), d] for t, d in zip(tracks.tracks, tracks.digests, strict=True)])


def read_tracks(file: Path) -> Tracks:
    """Read what `write_tracks` wrote.

    Raises:
        DamagedError: it is gone, or not what its checksum says, where there is one.
    """
    check_sum(file)
    rows = read_csv(file)
    fields: dict[str, Any] = {f.name: f.type for f in attrs.fields(attrs.resolve_types(Track))}  # str, Path, float
    try:
        tracks = tuple(Track(**{name: read(row[name]) for name, read in fields.items()}) for row in rows)
        return Tracks(tracks, tuple(r["digest"] for r in rows))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{file}: is damaged: {error!r}") from error
