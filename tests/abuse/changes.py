"""What changes files, in the words of Python's audit hooks."""

from __future__ import annotations

import os
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")


def changes_files(event: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether an audit event is that of a change to the file system."""
    return event in _CHANGES or (event == "open" and bool(arguments[2] & _WRITING))
