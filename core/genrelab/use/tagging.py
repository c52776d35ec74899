"""Tag a folder with predicted genres, and undo it.

Before a file is changed, a line in the journal says what it was; the journal lies in the folder and moves with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
from cattrs import BaseValidationError

from genrelab.config.report import report
from genrelab.config.structure import RefusedError, make_converter, problems_of
from genrelab.data.find import audio_files
from genrelab.data.store import Rejected
from genrelab.errors import DamagedError, InputError, WorkError
from genrelab.files import read_lines, write_text
from genrelab.use.classifier import Classifier
from genrelab.use.many import Heard
from genrelab.use.tags import Genre, read_genre, remove_tags, write_genre

JOURNAL = "genrelab-tags.jsonl"


@attrs.frozen
class _Entry:
    """A line of the journal."""

    path: str
    """Relative to the folder."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    tagged: bool
    """Whether the file had tags before."""


@attrs.frozen
class Step:
    """What was, or would be, done to one file."""

    path: str
    """Relative to the folder."""
    before: str
    """Genre that it had; empty for none."""
    after: str
    """Genre that it has now, or would have; empty where it is left as it is."""
    note: str
    """Why it is left as it is; else how probable the genre is."""


def to_tag(folder: Path, overwrite: bool) -> tuple[dict[str, Genre], list[Step]]:
    """Return the files of a folder that may be tagged, by their path, and those that may not.

    Args:
        folder: searched at any depth.
        overwrite: whether files that have a genre may be tagged.

    Raises:
        InputError: no folder, or no audio in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder")
    free: dict[str, Genre] = {}
    left = []
    for file in sorted(audio_files(folder)):
        name = os.path.relpath(file, folder)
        try:
            genre = _read(file)
        except WorkError as error:
            left.append(Step(name, "", "", str(error)))
            continue
        if any(genre.names) and not overwrite:
            left.append(Step(name, _text(genre.names), "", "has a genre"))
        else:
            free[str(file)] = genre
    if not free and not left:
        raise InputError(f"{folder}: there is no audio in it")
    return free, left


def tag(
    folder: Path,
    heard: Iterable[Heard],
    free: dict[str, Genre],
    classifier: Classifier,
    *,
    at_least: float,
    write: bool,
) -> Iterator[Step]:
    """Tag files with their most probable genre, one by one as they are heard.

    Args:
        folder: that they are in.
        heard: what the classifier makes of each.
        free: files that may be tagged, with the genre of each.
        classifier: that heard them.
        at_least: probability below which a file is left as it is.
        write: whether to change them; else it is only said what would be done.
    """
    for one in heard:
        name, genre = os.path.relpath(one.path, folder), free[one.path]
        if isinstance(one.outcome, Rejected):
            yield Step(name, _text(genre.names), "", one.outcome.message)
            continue
        mean = one.outcome.mean
        best = int(mean.argmax())
        said = f"probability {mean[best]:.2f}"
        if mean[best] < at_least:
            yield Step(name, _text(genre.names), "", f"{said}, less than {at_least:g}")
            continue
        wanted = classifier.classes[best]
        problem = _change(folder, name, genre, wanted) if write else ""
        yield Step(name, _text(genre.names), "" if problem else wanted, problem or said)


def undo(folder: Path) -> Iterator[Step]:
    """Give files the genre back that the journal says they had, the last change first.

    Files that were changed by somebody else since are left as they are, and stay in the journal.

    Raises:
        InputError: there is no journal, or it cannot be read.
    """
    kept = []
    for entry in reversed(_entries(folder)):
        try:
            _restore(_inside(folder, entry.path), entry)
        except WorkError as error:
            kept.append(entry)
            yield Step(entry.path, _text(entry.after), "", str(error))
            continue
        yield Step(entry.path, _text(entry.after), _text(entry.before) or "(none)", "undone")
    if kept:
        write_text(folder / JOURNAL, "".join(map(_line, reversed(kept))))
    else:
        (folder / JOURNAL).unlink()


def _restore(file: Path, entry: _Entry) -> None:
    found = _read(file).names
    if found == entry.after:
        write_genre(file, entry.before) if entry.tagged else remove_tags(file)
    elif found != entry.before:  # else it was interrupted before the file was changed
        raise WorkError("was changed since")


def _change(folder: Path, name: str, genre: Genre, wanted: str) -> str:
    """Tag one file; return what went wrong, if anything."""
    with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        journal.write(_line(_Entry(name, genre.names, (wanted,), genre.tagged)))
        journal.flush()
        os.fsync(journal.fileno())
    try:
        write_genre(folder / name, [wanted])
    except WorkError as error:
        return str(error)
    return ""


def _read(file: Path) -> Genre:
    if file.is_symlink() or not file.is_file():
        raise WorkError("is no file of its own")
    return read_genre(file)


def _line(entry: _Entry) -> str:
    return json.dumps(attrs.asdict(entry)) + "\n"


def _entries(folder: Path) -> list[_Entry]:
    file = folder / JOURNAL
    if not file.is_file():
        raise InputError(f"{file}: there is no such journal: nothing was tagged here, or all is undone")
    try:
        lines = list(read_lines(file))
    except DamagedError as error:
        raise InputError(str(error)) from error
    converter = make_converter()
    try:
        return [converter.structure(line, _Entry) for line in lines]
    except (RefusedError, BaseValidationError) as error:
        raise report(list(problems_of(error)), str(file), {}) from error


def _inside(folder: Path, name: str) -> Path:
    """Return a file of the folder; a journal may have been written by anybody."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise WorkError("is not in this folder")
    return file


def _text(names: Iterable[str]) -> str:
    return ", ".join(names)
