"""The genre in the tags of an audio file, whatever their format; by mutagen."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.errors import InputError, WorkError


@attrs.frozen
class Genre:
    """What the tags of a file say."""

    names: tuple[str, ...]
    tagged: bool
    """Whether it has tags at all."""


def check_mutagen() -> None:
    """Refuse to go on without mutagen.

    Raises:
        InputError: it is not installed.
    """
    try:
        import mutagen  # noqa: F401
    except ImportError as error:
        raise InputError(f"tags need a further package: pip install 'genrelab[tag]' ({error})") from error


def read_genre(path: Path) -> Genre:
    """Return the genre that a file is tagged with.

    Raises:
        WorkError: the tags cannot be read, or their format is not known.
    """
    file = _open(path)
    if file.tags is None:
        return Genre((), False)
    frames = _frames(file)
    found = frames.getall("TCON") if frames is not None else None
    names = [g for frame in found for g in frame.genres] if found is not None else file.tags.get("genre", [])
    return Genre(tuple(map(str, names)), True)


def write_genre(path: Path, names: Sequence[str]) -> None:
    """Tag a file with genres in place of those it has; none removes them. All other tags stay.

    The file is replaced by a changed copy, so it is whole at any instant.

    Raises:
        WorkError: the tags cannot be written.
    """

    def change(file: Any) -> None:
        if file.tags is None:
            file.add_tags()
        frames = _frames(file)
        if frames is not None:
            from mutagen.id3 import TCON

            genre = TCON(encoding=3, text=list(names))  # type: ignore[no-untyped-call]
            frames.setall("TCON", [genre] if names else [])
        elif names:
            file.tags["genre"] = list(names)
        elif "genre" in file.tags:
            del file.tags["genre"]
        file.save()

    _replace(path, change)


def remove_tags(path: Path) -> None:
    """Remove all tags of a file.

    Raises:
        WorkError: they cannot be removed.
    """
    _replace(path, lambda file: file.delete())


def _open(path: Path) -> Any:
    import mutagen

    try:
        file = mutagen.File(path, easy=True)
    except Exception as error:  # damaged tags make mutagen raise anything
        raise WorkError(f"its tags cannot be read: {error}") from error
    if file is None:
        raise WorkError("its format has no tags that are known")
    return file


def _frames(file: Any) -> Any | None:
    """Return the ID3 frames of formats for which mutagen has no simpler interface (WAV, AIFF), else None."""
    from mutagen.id3 import ID3

    return file.tags if isinstance(file.tags, ID3) else None


def _replace(path: Path, change: Callable[[Any], None]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".genrelab-", suffix=path.suffix)
    os.close(handle)
    copy = Path(name)
    try:
        shutil.copy2(path, copy)
        change(_open(copy))
        copy.replace(path)
    except WorkError:
        raise
    except Exception as error:
        raise WorkError(f"its tags cannot be written: {error}") from error
    finally:
        copy.unlink(missing_ok=True)
