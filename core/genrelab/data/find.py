"""Find audio files in folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from genrelab.errors import InputError

# fmt: off
AUDIO_EXTENSIONS = frozenset((
    ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp2", ".mp3", ".oga", ".ogg", ".opus", ".snd", ".w64",
    ".wav",
    # Not decoded by libsndfile: quarantined one by one, which is seen, rather than passed over.
    ".aac", ".ac3", ".ape", ".m4a", ".mp4", ".mpc", ".wma", ".wv",
))
# fmt: on
"""Suffixes, in lower case, of what is taken for audio."""


def is_audio(name: str) -> bool:
    """Tell from its name whether a file is audio; hidden ones are not."""
    return not name.startswith(".") and Path(name).suffix.lower() in AUDIO_EXTENSIONS


def audio_files(folder: Path) -> Iterator[Path]:
    """Yield the audio files below a folder, at any depth, in any order, but for hidden ones and linked folders.

    Raises:
        InputError: a folder that cannot be read.
    """
    for parent, subfolders, names in os.walk(folder, onerror=_unreadable):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if is_audio(name))


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error
