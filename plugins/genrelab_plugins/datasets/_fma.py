"""Read FMA: its table of tracks, with three header rows, and where its audio is."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from genrelab import Collection, InputError, Track

CLIPS = ("fma_small", "fma_medium", "fma_large")
"""Folders of 30 s clips: a clip is the same file in each."""
SPLITS = {"training": "train", "validation": "validation", "test": "test"}
BAD_CLIPS = Path(__file__).with_name("fma_bad_clips.csv")
"""Faults that users of the clips reported (github.com/mdeff/fma, issues 8 and 49, and their own code): for a note
only, since what cannot be used depends on the decoder."""
COLUMNS = {
    "subset": ("set", "subset"),
    "split": ("set", "split"),
    "genre": ("track", "genre_top"),
    "title": ("track", "title"),
    "artist": ("artist", "id"),
    "album": ("album", "id"),
}

Row = Mapping[str, str]


def collect(root: str, subsets: Sequence[str], min_tracks: int) -> Collection:
    """Return the tracks of a subset, with notes on what is left out and which faults are known.

    Args:
        root: folder of FMA.
        subsets: the subset asked for, last, and all that it holds: the table names the smallest that a track is in.
        min_tracks: genres with fewer are left out.

    Raises:
        InputError: as `fma.build`.
    """
    folder, subset = Path(root).expanduser(), subsets[-1]
    table = _metadata(folder, subset)
    audio = _audio(folder, subset)
    rows = [row for row in read_table(table) if row["subset"] in subsets]
    with_genre = [row for row in rows if row["genre"]]
    counts = Counter(row["genre"] for row in with_genre)
    kept = sorted((row for row in with_genre if counts[row["genre"]] >= min_tracks), key=lambda row: row["id"])
    if not kept:
        raise InputError(f"fma: {table}: no track of {subset} has a genre with at least {min_tracks} tracks")
    tracks = tuple(_track(row, audio, table) for row in kept)
    notes = _left_out(subset, len(rows), len(with_genre), counts, min_tracks)
    if subset != "full":
        notes += _known_faults({row["id"] for row in kept})
    return Collection(tracks, tuple(notes))


def read_table(table: Path) -> Iterator[Row]:
    """Yield the tracks of a ``tracks.csv``: the columns of COLUMNS, and id with six digits.

    The first header row holds groups, the second names, the third only ``track_id``.

    Raises:
        InputError: not readable, or not FMA's.
    """
    try:
        with _long_fields(), table.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            header = list(zip(*(next(reader, []) for _ in range(2)), strict=False))
            missing = [".".join(column) for column in COLUMNS.values() if column not in header]
            if missing:
                raise InputError(f"fma: {table} is not FMA's table of tracks: no column {missing[0]}")
            places = {name: header.index(column) for name, column in COLUMNS.items()}
            for row in reader:
                if row and row[0] != "track_id":
                    yield {"id": f"{int(row[0]):06d}"} | {name: row[place] for name, place in places.items()}
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise InputError(f"fma: {table} is not readable as FMA's table of tracks: {error}") from error


@contextmanager
def _long_fields() -> Iterator[None]:
    """Allow biographies longer than the csv module's limit of 131,072 characters."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _metadata(root: Path, subset: str) -> Path:
    places = [root / "fma_metadata" / "tracks.csv", root / "tracks.csv"]
    return _first(places, f"set root to the folder that holds fma_metadata, or {_fetch(root, subset)}")


def _audio(root: Path, subset: str) -> Path:
    wanted = f"fma_{subset}"
    names = CLIPS[CLIPS.index(wanted) :] if wanted in CLIPS else (wanted,)
    return _first([root / name for name in names], _fetch(root, subset))


def _first(places: Sequence[Path], otherwise: str) -> Path:
    for place in places:
        if place.exists():
            return place
    raise InputError(f"fma: found no {' nor '.join(map(str, places))}; {otherwise}")


def _fetch(root: Path, subset: str) -> str:
    return f"get it with: genrelab data fetch fma --subset {subset} --root {root}"


def _track(row: Row, audio: Path, table: Path) -> Track:
    if row["split"] not in SPLITS:
        raise InputError(
            f"fma: {table}: track {row['id']}: split {row['split']!r} is not one of {', '.join(SPLITS)}"
        )
    return Track(
        id=row["id"],
        path=audio / row["id"][:3] / f"{row['id']}.mp3",
        label=row["genre"],
        artist=row["artist"],
        split=SPLITS[row["split"]],
        title=row["title"],
        album="" if row["album"] == "-1" else row["album"],
    )


def _left_out(subset: str, tracks: int, with_genre: int, counts: Mapping[str, int], least: int) -> list[str]:
    notes = []
    if tracks > with_genre:
        notes.append(f"fma: {tracks - with_genre} of {tracks} tracks of {subset} have no top genre: left out")
    rare = {genre: count for genre, count in sorted(counts.items()) if count < least}
    if rare:
        listed = ", ".join(f"{genre} ({count})" for genre, count in rare.items())
        notes.append(f"fma: genres with fewer than {least} tracks are left out: {listed}")
    return notes


def _known_faults(ids: Iterable[str]) -> list[str]:
    with BAD_CLIPS.open(encoding="utf-8", newline="") as lines:
        faults = {f"{int(row['track_id']):06d}": row["fault"] for row in csv.DictReader(lines)}
    counts = Counter(faults[i] for i in ids if i in faults)
    if not counts:
        return []
    listed = ", ".join(f"{count} {fault.replace('_', ' ')}" for fault, count in sorted(counts.items()))
    return [f"fma: {counts.total()} clips are reported to be faulty ({listed}); only unusable ones are left out"]
