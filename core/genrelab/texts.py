"""Texts of strangers, made fit to be shown: names, values and messages can hold anything, and be of any length."""

from __future__ import annotations

import re

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What becomes a folder or a file: it leads nowhere else."""
_SHOWN = 200


def printable(text: str) -> str:
    """Return a text whose control characters are escaped, so that no terminal obeys them; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def brief(error: BaseException) -> str:
    """Return the class of an error, and the first line of what it says."""
    first = next(iter(str(error).strip().splitlines()), "no message")
    return f"{type(error).__name__}: {first}"


def shortened(text: str) -> str:
    """Return a text of at most 200 letters, with the middle left out where it is longer."""
    half = _SHOWN // 2
    return text if len(text) <= _SHOWN else f"{text[:half]} ... {text[-half:]}"
