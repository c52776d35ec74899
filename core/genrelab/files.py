"""Files written so that a kill at any instant leaves them valid."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write_text(file: Path, text: str) -> None:
    """Write a file at once: it has its old content or its new one, never a part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    with part.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


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


def read_lines(file: Path) -> Iterator[Any]:
    """Yield the JSON lines of a file; nothing where there is no file; a torn last line is left out."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
