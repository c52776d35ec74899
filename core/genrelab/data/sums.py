"""Checksums of files that must stay as they are, in a list that ``sha256sum --check`` understands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from genrelab.errors import DamagedError
from genrelab.files import write_text

SUMS = "SHA256SUMS"


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write the list of a folder."""
    write_text(folder / SUMS, "".join(f"{_sum(folder / name)}  {name}\n" for name in names))


def read_sums(folder: Path) -> dict[str, str]:
    """Map each name in the list of a folder to its checksum; {} where there is no list."""
    file = folder / SUMS
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def check_sum(file: Path) -> None:
    """Compare a file with the list of its folder, if that names it.

    Raises:
        DamagedError: it is gone, or not what it was.
    """
    if not file.is_file():
        raise DamagedError(f"{file}: is gone")
    known = read_sums(file.parent).get(file.name)
    if known is not None and known != _sum(file):
        raise DamagedError(f"{file}: is damaged, or was changed: its checksum is not that in {SUMS}")


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
