"""A miniature of FMA that is like the real one in everything a loader can trip over, down to some of its faults."""

from __future__ import annotations

import csv
import hashlib
import zipfile
from pathlib import Path

import attrs
import numpy as np
import soundfile

COLUMNS = {
    "album": "comments date_created date_released engineer favorites id information listens producer tags title "
    "tracks type",
    "artist": "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude "
    "location longitude members name related_projects tags website wikipedia_page",
    "set": "split subset",
    "track": "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all "
    "information interest language_code license listens lyricist number publisher tags title",
}
HEADER = [(group, name) for group, names in COLUMNS.items() for name in names.split()]
SUBSETS = ("small", "medium", "large")
LONG = " ".join(map(str, range(30_000)))
"""More than the csv module takes in one field by default."""


@attrs.frozen
class Clip:
    id: int
    subset: str
    """The smallest that it is in."""
    split: str
    genre: str
    artist: int
    album: int
    fault: str = ""
    """empty, truncated, missing; or a number: the bytes of that clip."""


CLIPS = (
    Clip(2, "small", "training", "Hip-Hop", 1, 1),
    Clip(5, "small", "training", "Hip-Hop", 1, 1),
    Clip(140, "small", "validation", "Folk", 54, 61),
    Clip(141, "small", "training", "Folk", 55, -1),
    Clip(3284, "medium", "training", "Old-Time / Historic", 70, 80, "truncated"),
    Clip(3300, "medium", "training", "Old-Time / Historic", 70, -1),
    Clip(3301, "medium", "validation", "Old-Time / Historic", 71, 81),
    Clip(3302, "medium", "test", "Old-Time / Historic", 72, 82),
    Clip(10666, "small", "test", "Folk", 56, 62),
    Clip(10667, "small", "test", "Hip-Hop", 2, 3),
    Clip(10668, "small", "validation", "Hip-Hop", 3, 4),
    Clip(20000, "large", "training", "", 80, 90),
    Clip(20001, "large", "training", "Easy Listening", 81, -1, "empty"),
    Clip(98565, "large", "test", "Folk", 90, 91, "missing"),
    Clip(155066, "medium", "test", "Hip-Hop", 99, 100, "5"),
)


def write_fma(root: Path, subset: str = "large") -> Path:
    """Write fma_metadata and fma_<subset> below root, each with its list of checksums; return root."""
    write_table(root / "fma_metadata" / "tracks.csv")
    folder = root / f"fma_{subset}"
    for clip in (c for c in CLIPS if SUBSETS.index(c.subset) <= SUBSETS.index(subset)):
        _write_audio(clip, folder)
    for made in (folder, root / "fma_metadata"):
        write_checksums(made)
    return root


def write_table(file: Path, clips: tuple[Clip, ...] = CLIPS) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["", *(group for group, _ in HEADER)])
        table.writerow(["", *(name for _, name in HEADER)])
        table.writerow(["track_id", *("" for _ in HEADER)])
        table.writerows(_row(clip) for clip in clips)


def write_checksums(folder: Path) -> None:
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "checksums")
    lines = [f"{hashlib.sha1(f.read_bytes()).hexdigest()}  {f.relative_to(folder)}\n" for f in files]
    (folder / "checksums").write_text("".join(lines))


def zip_folder(folder: Path, file: Path) -> str:
    """Pack a folder as FMA's archives are packed; return the archive's SHA-1."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return hashlib.sha1(file.read_bytes()).hexdigest()


def _row(clip: Clip) -> list[object]:
    known: dict[tuple[str, str], object] = {
        ("album", "id"): clip.album,
        ("album", "tags"): "[]",
        ("album", "listens"): 6073,
        ("artist", "active_year_begin"): "2006-01-01 00:00:00" if clip.id % 2 else "",
        ("artist", "bio"): '<p>A way\nof life, "the Art"</p>' + (LONG if clip.id == 5 else ""),
        ("artist", "id"): clip.artist,
        ("artist", "latitude"): 40.0583238 if clip.id % 2 else "",
        ("artist", "name"): f"Artist, {clip.artist}",
        ("set", "split"): clip.split,
        ("set", "subset"): clip.subset,
        ("track", "bit_rate"): 256000,
        ("track", "duration"): 168,
        ("track", "genre_top"): clip.genre,
        ("track", "genres"): "[21]",
        ("track", "title"): f"Track “{clip.id}”",
    }
    return [clip.id, *(known.get(column, "") for column in HEADER)]


def _write_audio(clip: Clip, folder: Path) -> None:
    name = f"{clip.id:06d}"
    file = folder / name[:3] / f"{name}.mp3"
    file.parent.mkdir(parents=True, exist_ok=True)
    if clip.fault == "missing":
        return
    like = int(clip.fault) if clip.fault.isdigit() else clip.id
    rate = 44100 if like % 3 else 22050
    samples = np.random.default_rng(like).normal(0, 0.1, (rate, 2 if like % 2 else 1))
    soundfile.write(file, samples, rate)
    content = {"empty": b"", "truncated": file.read_bytes()[:30]}.get(clip.fault)
    if content is not None:
        file.write_bytes(content)
