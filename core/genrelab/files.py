"""Files written so that a kill at any instant leaves them valid."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write_bytes(file: Path, content: bytes | memoryview) -> None:
    """Write a file at once: it has its old content or its new one, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        error.filename = str(file)  # a failed write names no file by itself
        part.unlink(missing_ok=True)
        raise


def write_text(file: Path, text: str) -> None:
    """Write a text file at once."""
    write_bytes(file, text.encode())


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file at once."""
    write_text(file, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(file: Path) -> Any:
    """Read a JSON file."""
    return json.loads(file.read_text(encoding="utf-8"))


def append_line(file: Path, value: Any) -> None:
    """Append one JSON line."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(value) + "\n")


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error means that there is no space, or no quota, left to write to."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def read_lines(file: Path) -> Iterator[Any]:
    """Yield the JSON lines of a file; nothing where there is no file; a torn last line is left out."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
