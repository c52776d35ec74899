"""A folder of audio files: one subfolder a genre, or a manifest that says what each file is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from genrelab import AUDIO_EXTENSIONS, Dataset, InputError, Track, audio_files, hookimpl, setting

MANIFEST = "manifest.csv"


@attrs.frozen
class Params:
    """Where the audio is, and how its manifest calls things."""

    root: str = setting("", help="folder with one subfolder a genre, or with a manifest.csv", place=True)
    path_column: str = setting("path", help="manifest column: the file, relative to root")
    genre_column: str = setting("genre", help="manifest column: the genre")
    artist_column: str = setting("artist", help="manifest column: the artist, who is kept on one side of a split")


def build(params: Params) -> list[Track]:
    """List the tracks, ordered by id; the id is the path relative to root, with slashes.

    Where root has a manifest.csv, its rows are the tracks, as `manifest` reads them: path, genre and, where there
    are such columns, artist, album, title, split, start and duration. Else each audio file below a
    subfolder, at any depth, is a track of the genre that the subfolder is called; hidden files are skipped and
    artists are unknown.

    Raises:
        InputError: no such folder, no audio in it, or a row of the manifest that cannot be meant.
    """
    if not params.root:
        raise InputError("audio_folder: set root to the folder that holds the audio")
    root = Path(params.root).expanduser()
    if not root.is_dir():
        raise InputError(f"audio_folder: root {root} is not a folder")
    if (root / MANIFEST).is_file():
        from genrelab_plugins.datasets._manifest import read_manifest

        columns = {"path": params.path_column, "genre": params.genre_column, "artist": params.artist_column}
        tracks = read_manifest(root / MANIFEST, columns)
    else:
        tracks = [_track(root, file) for file in _files(root)]
    if not tracks:
        raise InputError(
            f"audio_folder: no audio in subfolders of {root} (known: {' '.join(sorted(AUDIO_EXTENSIONS))})"
        )
    return sorted(tracks, key=lambda track: track.id)


def _files(root: Path) -> Iterator[Path]:
    for genre in root.iterdir():
        if genre.is_dir() and not genre.name.startswith("."):  # it may be a link; deeper ones are not followed
            yield from audio_files(genre)


def _track(root: Path, file: Path) -> Track:
    relative = file.relative_to(root)
    return Track(id=relative.as_posix(), path=file, label=relative.parts[0])


@hookimpl
def provide_datasets() -> Iterable[Dataset]:
    """Provide ``audio_folder``."""
    return [Dataset("audio_folder", Params, build)]
