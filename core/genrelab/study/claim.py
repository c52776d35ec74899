"""Claim a run directory for an experiment: nobody else's, of this experiment, and not left behind for nothing."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genrelab.config.choices import tables
from genrelab.config.experiment import Experiment
from genrelab.errors import DamagedError, InputError, WorkError
from genrelab.files import read_json, write_json
from genrelab.params import specs
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
    root.resolve().mkdir(parents=True, exist_ok=True)  # the root may be a link
    with held(root):
        try:
            with _said(RunDirectory(root)):
                yield
        except InputError:
            if new:
                shutil.rmtree(root.resolve())
            raise


@contextlib.contextmanager
def held(root: Path, hint: str = "") -> Iterator[None]:
    """Hold a run directory, so that no study runs in it.

    Raises:
        InputError: one does; `hint` is added to that.
    """
    lock = FileLock(root / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{root}: {_holder(root)} runs this study{hint}") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _said(run: RunDirectory) -> Iterator[None]:
    """Keep in the run directory who runs the study, and how that has ended."""
    who = {"pid": os.getpid(), "machine": platform.node(), "since": time.time()}
    write_json(run.state, {"state": "running", **who})
    state = "interrupted"
    try:
        yield
        state = "completed"
    except WorkError:
        state = "failed"
        raise
    finally:
        if run.root.exists():
            write_json(run.state, {"state": state, **who, "ended": time.time()})


def restart(root: Path) -> None:
    """Delete a run directory, so that its study starts anew; nothing where there is none.

    Raises:
        InputError: it is no run directory, or a study runs in it.
    """
    if not root.exists():
        return
    if not RunDirectory(root).experiment.is_file():
        raise InputError(f"{root}: is no run directory; it is left as it is")
    with held(root):
        shutil.rmtree(root.resolve())


def differences(a: Any, b: Any, path: str = "") -> Sequence[tuple[str, Any, Any]]:
    """Return (path, value in a, value in b) for everything that differs between plain tables."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [
            d
            for k in {**a, **b}
            for d in differences(a.get(k), b.get(k), f"{path}.{k}" if path else k)
        ]  # fmt: skip
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, f"{path}[{i}]")]
    return [] if a == b else [(path, a, b)]


def _check(experiment: Experiment, root: Path) -> None:
    """Refuse a directory that holds something else, or another experiment, and say what differs."""
    if os.fsencode(root) != str(root).encode(errors="replace"):
        raise InputError(f"{str(root)!a}: the name of a run directory must be UTF-8: weights are kept there")
    file = RunDirectory(root).experiment
    if not file.is_file():
        if root.exists() and not root.is_dir():
            raise InputError(f"{root}: is no folder")
        return
    try:
        there, here = RunDirectory(root).read(), tables(experiment)
    except InputError as error:
        raise InputError(f"{error}; if it held this experiment, delete the file: it is written again") from error
    for one in (there, here):
        one["dataset"] = _without_places(one["dataset"], experiment)
    differing = [f"{path}: {a!r} there, {b!r} here" for path, a, b in _refused(there, here)]
    if differing:
        more = f" (and {len(differing) - 3} more)" if len(differing) > 3 else ""
        raise InputError(
            f"{root}: holds another experiment; {'; '.join(differing[:3])}{more}; "
            "use another --run-dir, or --restart to delete this one (more trials, seeds or candidates may be added)"
        )


def has_moved(experiment: Experiment, run: RunDirectory) -> bool:
    """Tell whether an experiment names other places for the files of its dataset than a run of it does."""
    if not run.experiment.is_file():
        return False
    return bool(differences(run.read()["dataset"], tables(experiment)["dataset"]))


def _without_places(dataset: Mapping[str, Any], experiment: Experiment) -> dict[str, Any]:
    """Leave out where files are: the same ones may be elsewhere now."""
    declared = specs(type(experiment.dataset.params))
    return {k: v for k, v in dataset.items() if k not in declared or not declared[k][1].place}


def _refused(there: Mapping[str, Any], here: Mapping[str, Any]) -> Sequence[tuple[str, Any, Any]]:
    """Return the differences that would make results of one run directory those of two experiments."""
    names = [candidate["name"] for candidate in there["candidate"]]
    found = differences(_comparable(there, names), _comparable(here, names))
    return [(path, a, b) for path, a, b in found if not _has_grown(path, a, b)]


def _comparable(experiment: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the tables that decide results, of candidates those that are named, whatever their order."""
    others = {key: value for key, value in experiment.items() if key not in ("candidate", *_MAY_DIFFER)}
    candidates = {c["name"]: c for c in experiment["candidate"] if c["name"] in names}
    return {**others, "candidate": candidates}


def _has_grown(path: str, a: Any, b: Any) -> bool:
    if path == "final.seeds":
        return set(a) <= set(b)
    return path == "search.trials" and a < b


def _holder(root: Path) -> str:
    """Say who runs a study, as far as it has said so."""
    try:
        holder = read_json(RunDirectory(root).state)
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder["since"]))
        return f"process {holder['pid']} on {holder['machine']}, since {since},"
    except (OSError, DamagedError, KeyError, TypeError):
        return "another process"
