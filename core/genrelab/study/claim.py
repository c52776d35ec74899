"""Claim a run directory for an experiment: nobody else's, of this experiment, and not left behind for nothing."""

from __future__ import annotations

import contextlib
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genrelab.config.choices import tables
from genrelab.config.experiment import Experiment
from genrelab.errors import InputError
from genrelab.study.rundir import RunDirectory

_MAY_DIFFER = ("device", "executor", "reporter")  # where it runs and who looks on does not change what it is


@contextlib.contextmanager
def claim(experiment: Experiment, root: Path) -> Iterator[None]:
    """Hold a run directory, made if need be, while a study runs in it.

    A directory that was made for input that turns out to be wrong is removed again.

    Raises:
        InputError: another process runs a study there, or the directory holds another experiment.
    """
    _check(experiment, root)
    new = not root.exists()
    root.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(root / "lock", timeout=0):
            yield
    except Timeout:
        raise InputError(f"{root}: another process runs this study") from None
    except InputError:
        if new:
            shutil.rmtree(root)
        raise


def _check(experiment: Experiment, root: Path) -> None:
    """Refuse a directory that holds something else, or another experiment, and say what differs."""
    file = RunDirectory(root).experiment
    if not file.is_file():
        if root.exists() and not root.is_dir():
            raise InputError(f"{root}: is no folder")
        return
    there = tomllib.loads(file.read_text(encoding="utf-8"))
    differing = [f"{k}: {a!r} there, {b!r} here" for k, a, b in _differences(there, tables(experiment))]
    if differing:
        more = f" (and {len(differing) - 3} more)" if len(differing) > 3 else ""
        raise InputError(
            f"{root}: holds another experiment; {'; '.join(differing[:3])}{more}; "
            "use another --run-dir, or delete this one"
        )


def _differences(a: Any, b: Any, path: str = "") -> Sequence[tuple[str, Any, Any]]:
    """Return (path, value in a, value in b) for everything that differs and matters."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [k for k in {**a, **b} if path or k not in _MAY_DIFFER]
        return [d for k in keys for d in _differences(a.get(k), b.get(k), f"{path}.{k}" if path else k)]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in _differences(x, y, f"{path}[{i}]")]
    return [] if a == b else [(path, a, b)]
