"""All problems of an experiment in one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genrelab.config.structure import KeyPath, Problem, path_text
from genrelab.errors import InputError


def report(problems: Sequence[Problem], source: str, data: Any) -> InputError:
    """Put all problems into one message, a line each where there are several, and what candidates share once."""
    found: dict[str, dict[str, None]] = {}
    for p in problems:
        line = f"{_where(p.path, data)}: {p.message}" if p.path else p.message
        found.setdefault(line, {}).update({p.candidate: None} if p.candidate else {})
    lines = [line + _whose([*names], data) for line, names in found.items()]
    if len(lines) == 1:
        return InputError(f"{source}: {lines[0]}")
    return InputError(f"{source}: {len(lines)} problems\n" + "\n".join(f"  {line}" for line in lines))


def _whose(names: Sequence[str], data: Any) -> str:
    """Say for which candidates a line is true, where it is not so by itself."""
    if len(names) > 1 and len(names) == len(data["candidate"]):
        return " (for every candidate)"
    plural = "s" if len(names) > 1 else ""
    return f" (for candidate{plural} {', '.join(map(repr, names))})" if names else ""


def _where(path: KeyPath, data: Any) -> str:
    """Return a path as text, with a candidate called by its name."""
    if path[0] == "candidate" and len(path) > 1 and isinstance(path[1], int):
        row = data["candidate"][path[1]] if path[1] < len(data.get("candidate", ())) else None
        name = row.get("name") if isinstance(row, dict) else None
        if isinstance(name, str):
            return path_text(("candidate", *path[2:])).replace("candidate", f"candidate {name!r}", 1)
    return path_text(path)
