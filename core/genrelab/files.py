"""Files written so that a kill at any instant leaves them valid."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from genrelab.errors import DamagedError

_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


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
    """Write a text file at once; names of files that are not UTF-8 keep their bytes."""
    write_bytes(file, text.encode(errors="surrogateescape"))


def write_json(file: Path, value: Any) -> None:
    """Write a JSON file at once."""
    write_text(file, json.dumps(value, indent=1, allow_nan=False) + "\n")


def write_arrays(file: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz file at once."""
    import numpy as np  # takes long to import

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(file, buffer.getbuffer())


def read_arrays(file: Path) -> dict[str, Any]:
    """Read an .npz file.

    Raises:
        DamagedError: it is gone, or holds something else.
    """
    import numpy as np  # takes long to import

    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:  # numpy leaves bad ones open
            return dict(arrays)
    except FileNotFoundError as error:
        raise DamagedError(f"{file}: is gone") from error
    except (ValueError, EOFError, AttributeError, BadZipFile, zlib.error) as error:
        raise DamagedError(f"{file}: is damaged: {error}") from error


def read_json(file: Path) -> Any:
    """Read a JSON file.

    Raises:
        DamagedError: it is gone, or holds something else.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DamagedError(f"{file}: is gone") from error
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{file}: is damaged: {error}") from error


def recall_json(file: Path) -> Any | None:
    """Read a JSON file that can be made again: None where there is none, or one that is damaged, which is told."""
    if not file.is_file():
        return None
    try:
        return read_json(file)
    except DamagedError as error:
        tell_made_again(error)
        return None


def tell_made_again(error: DamagedError) -> None:
    """Say that what is damaged is made again."""
    print(f"warning: {error}; it is made again", file=sys.stderr)  # noqa: T201


def append_line(file: Path, value: Any) -> None:
    """Append one JSON line."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(value) + "\n")


def remove(folder: Path) -> None:
    """Delete a folder, or the link that stands for one; what cannot be deleted stays."""
    if folder.is_symlink():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def is_refusal(error: BaseException) -> bool:
    """Tell whether the machine can write no more, whatever the work: no space, quota or handles, a failing disk."""
    return isinstance(error, OSError) and error.errno in _REFUSALS


def how_to_go_on(error: OSError) -> str:
    """Say what the system has refused, where, and what to do."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    when = "there is space" if full else "that is mended"
    return f"{error.filename or 'writing'}: {error.strerror}; the same command goes on when {when}"


def read_lines(file: Path) -> Iterator[Any]:
    """Yield the JSON lines of a file; nothing where there is no file; a torn last line is left out.

    Raises:
        DamagedError: a line is no JSON.
    """
    if not file.is_file():
        return
    with file.open(encoding="utf-8") as lines:
        try:
            yield from (json.loads(line) for line in lines if line.endswith("\n"))
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"{file}: is damaged: {error}") from error
