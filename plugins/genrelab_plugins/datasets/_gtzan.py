"""Find the excerpts of GTZAN, and read lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from genrelab import AUDIO_EXTENSIONS, Collection, InputError, Track

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
LAYOUTS = ("", "genres", "genres_original", "Data/genres_original")
# fmt: off
FAULTY: Mapping[str, tuple[int, ...]] = {
    "classical": (42,),
    "country": (8, 52),
    "disco": (38, 50, 51, 55, 60, 71, 98),
    "hiphop": (1, 39, 46, 47, 48, 49, 50, 76),
    "jazz": (33, 34, 35, 36, 37, 38, 39, 40, 42, 43, 44, 45, 46),
    "metal": (4, 34, 40, 41, 42, 43, 44, 45, 58),
    "pop": (15, 21, 22, 30, 37, 45, 47, 48, 51, 52, 54, 56, 57, 67, 68, 87),
    "reggae": (3, 5, 7, 8, 10, 13, 33, 41, 73, 75, 80, 81, 86, 91),
}
# fmt: on
"""The 70 excerpts that the fault-filtered lists leave out: repetitions of others, or distorted."""
CORRUPT = "jazz.00054"
_EXCERPT = re.compile(rf"({'|'.join(GENRES)})\.?(\d{{5}})(?!\d)")


def collect(root: str, lists: Mapping[str, str], artist_list: str) -> Collection:
    """Return the excerpts, with notes on what is missing and which faults are known.

    Args:
        root: folder in one of the LAYOUTS.
        lists: file of the list of each subset; all empty: all excerpts are used.
        artist_list: file that names artists, or empty.

    Raises:
        InputError: as `gtzan.build`.
    """
    if not root:
        raise InputError("gtzan: set root to the folder that holds the genres")
    folder = Path(root).expanduser()
    files = _find(_genres_folder(folder))
    splits = _read_lists(folder, lists)
    artists = _read_artists(folder / artist_list) if artist_list else {}
    chosen = sorted(files.keys() & splits.keys() if splits else files)
    tracks = tuple(
        Track(i, files[i], i.split(".")[0], artist=artists.get(i, ""), split=splits.get(i, "")) for i in chosen
    )
    return Collection(tracks, tuple(_notes(tracks, len(files), len(splits))))


def _genres_folder(root: Path) -> Path:
    places = [root / layout for layout in LAYOUTS]
    for place in places:
        if any((place / genre).is_dir() for genre in GENRES):
            return place
    raise InputError(f"gtzan: found none of the folders {', '.join(GENRES)} in {', '.join(map(str, places))}")


def _find(folder: Path) -> dict[str, Path]:
    """Map excerpts to files."""
    found: dict[str, Path] = {}
    for file in (f for genre in GENRES for f in sorted((folder / genre).glob(f"{genre}*"))):
        if file.suffix.lower() in AUDIO_EXTENSIONS and (excerpt := _excerpt(file.stem)):
            if excerpt in found:
                raise InputError(f"gtzan: one excerpt, two files: {found[excerpt]} and {file}; remove one of them")
            found[excerpt] = file
    if not found:
        raise InputError(f"gtzan: no files like blues/blues.00000.wav in {folder}")
    return found


def _excerpt(text: str) -> str:
    match = _EXCERPT.search(text.rpartition("/")[2])
    return f"{match[1]}.{match[2]}" if match else ""


def _read_lists(root: Path, lists: Mapping[str, str]) -> dict[str, str]:
    """Map excerpts to subsets; nothing where no list is given."""
    if not any(lists.values()):
        return {}
    if not all(lists.values()):
        raise InputError(f"gtzan: set all of {', '.join(f'{s}_list' for s in lists)}, or none")
    splits: dict[str, str] = {}
    for subset, name in lists.items():
        for place, excerpt, _ in _lines(root / name):
            if splits.setdefault(excerpt, subset) != subset:
                raise InputError(f"{place}: {excerpt} is in {splits[excerpt]} already")
    return splits


def _read_artists(file: Path) -> dict[str, str]:
    return {excerpt: artist for _, excerpt, artist in _lines(file)}


def _lines(file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield where a line is, its excerpt, and the text after a comma or tab."""
    file = file.expanduser()
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"gtzan: cannot read the list {file}: {error}") from error
    for number, line in enumerate(lines, 1):
        name, _, rest = line.replace("\t", ",", 1).partition(",")
        if name.strip():
            excerpt = _excerpt(name)
            if not excerpt:
                raise InputError(
                    f"gtzan: {file}, line {number}: {name!r} is no excerpt, like blues/blues.00029.wav"
                )
            yield f"gtzan: {file}, line {number}", excerpt, rest.strip().strip('"')


def _notes(tracks: tuple[Track, ...], found: int, listed: int) -> Iterator[str]:
    if listed:
        yield f"gtzan: {len(tracks)} of {listed} listed excerpts are there; {found - len(tracks)} others left out"
    elif found != 1000:
        yield f"gtzan: {found} of 1,000 excerpts are there"
    faulty = {f"{genre}.{number:05d}" for genre, numbers in FAULTY.items() for number in numbers}
    repeated = sum(t.id in faulty for t in tracks)
    if repeated:
        yield f"gtzan: {repeated} excerpts are known to repeat others or to be distorted; use fault-filtered lists"
    if any(t.id == CORRUPT for t in tracks):
        yield f"gtzan: {CORRUPT} is corrupt in most copies; where it cannot be decoded it is left out"
    if not listed and not any(t.artist for t in tracks):
        yield "gtzan: artists are unknown: a random split has the same ones on both sides, scores come out too high"
