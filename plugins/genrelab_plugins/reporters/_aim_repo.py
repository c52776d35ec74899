"""Aim, imported and opened in the ways in which it is safe."""

from __future__ import annotations

import atexit
import errno
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import threading
import warnings
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from filelock import FileLock

# Aim still calls what SQLAlchemy has moved. Not within catch_warnings: that is not safe on a thread.
warnings.filterwarnings("ignore", message=r".*declarative_base", module=r"aim\.")

import aim.storage.migrations  # noqa: E402
import aim.web  # noqa: E402
from aim.ext.cleanup import AutoClean  # noqa: E402
from aim.sdk.data_version import DATA_VERSION  # noqa: E402
from aim.sdk.objects.figure import Figure  # noqa: E402
from aim.sdk.objects.image import Image  # noqa: E402
from aim.sdk.objects.text import Text  # noqa: E402
from aim.sdk.repo import Repo  # noqa: E402
from aim.sdk.run import Run  # noqa: E402
from aim.storage.context import Context  # noqa: E402

from genrelab import WorkError  # noqa: E402
from genrelab_plugins.reporters._aim_studies import write_whole  # noqa: E402

__all__ = [
    "MIGRATIONS",
    "Figure",
    "Image",
    "Repo",
    "Run",
    "Text",
    "close_run",
    "key_of",
    "label",
    "need_room",
    "open_repo",
    "open_run",
    "study_id",
    "track",
]

ID_FILE = "aim_id"
MIGRATIONS = Path(aim.web.__file__).parent / "migrations" / "alembic.ini"
"""How Aim makes the tables of its pages."""
EXIT_SECONDS = 15.0
"""How long the exit of the process waits for Aim to close what is open."""
ROOM = 1 << 21
"""Bytes that must be free on the disk: on a full one Aim's database waits for ever as it is closed."""
PINNED = [
    {"name": name, "context": {"subset": subset}}
    for name in ("loss", "f1_macro")
    for subset in ("train", "validation")
]
"""Charts that Aim shows on every run's page."""


def open_repo(folder: Path) -> Repo:
    """Open the Aim repository in a folder, made and given pinned charts where it is missing.

    Raises:
        OSError: the folder cannot be written.
        WorkError: a later Aim has made it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    need_room(folder)
    made = folder / ".aim" / "VERSION"
    with FileLock(folder / ".aim.lock"):  # two processes that make one repository break it
        _refuse_newer(folder)
        new = not made.parent.exists()
        try:
            repo = Repo.from_path(str(folder), init=not made.exists())
        except Exception:
            try:
                _try_to_write(folder)
            finally:
                if new:
                    shutil.rmtree(made.parent, ignore_errors=True)  # half made, it would never be of use
            raise
    settings = folder / ".aim" / ".project_settings"
    if not settings.exists():
        write_whole(settings, json.dumps({"pinned_sequences": {"metric": PINNED}}))
    return repo


def need_room(folder: Path) -> None:
    """Raise OSError where the disk is full, or soon will be."""
    if shutil.disk_usage(folder).free < ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _refuse_newer(folder: Path) -> None:
    """Raise WorkError where a later Aim has made a repository; this one would write to it without looking."""
    version, file = Repo.get_version(str(folder)), folder / ".aim" / "run_metadata.sqlite"
    if version > DATA_VERSION:
        raise WorkError(
            f"{folder}: is of a later Aim (version {'.'.join(map(str, version))}); name another repository"
        )
    if file.is_file():
        with closing(sqlite3.connect(file)) as tables, suppress(sqlite3.Error):  # Aim tells what is broken
            revisions = {name for (name,) in tables.execute("SELECT version_num FROM alembic_version")}
            if unknown := revisions - _known_revisions():
                raise WorkError(f"{folder}: is of a later Aim (tables {min(unknown)}); name another repository")


def _known_revisions() -> set[str]:
    """Return the versions of its tables that this Aim knows."""
    return {
        file.name.partition("_")[0] for file in Path(aim.storage.migrations.__file__).parent.glob("versions/*.py")
    }


def _try_to_write(folder: Path) -> None:
    """Write something, to learn the cause: Aim makes its tables in another process, and knows only that this fails.

    Raises:
        OSError: there is no space, or something else that keeps files from being written.
    """
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(1 << 20))


def key_of(name: str) -> str:
    """Return the key that a run of that name has."""
    return hashlib.sha256(name.encode()).hexdigest()[:24]


def open_run(repo: Repo, name: str, began: float) -> Run:
    """Open the run whose key follows from the name: the same one whenever the name is the same.

    Args:
        repo: where.
        name: tells the run from all others.
        began: when, seconds since 1970, UTC; told of a run that is new.
    """
    key = key_of(name)
    need_room(Path(repo.path))
    # Aim opens by key only runs whose folder exists, and remembers for half a second which do.
    Path(repo.path, "meta", "chunks", key).mkdir(parents=True, exist_ok=True)
    repo._all_run_hashes.cache_clear()
    if not repo.structured_db.find_run(key):
        created = datetime.fromtimestamp(began, UTC).replace(tzinfo=None)  # what Aim's tables hold
        repo.request_props(key, read_only=False, created_at=created)
    return Run(key, repo=repo, system_tracking_interval=None, capture_terminal_logs=False)


def label(run: Run, name: str, study: str, *tags: str) -> None:
    """Give a run its name, its study as Aim's experiment, and tags."""
    run.name, run.experiment = name, study
    for tag in sorted(set(tags) - set(run.tags)):
        run.add_tag(tag)


def close_run(run: Run, ended: float) -> None:
    """Close a run as ended at that time, seconds since 1970, UTC."""
    about = run.meta_run_tree
    run._resources.set_run_end_time = lambda: about.__setitem__("end_time", ended)  # else it is now
    run.close()


def track(
    run: Run, values: Any, time: float, step: int, context: Mapping[str, str], name: str | None = None
) -> None:
    """Track values at a step, over those that are there, as of a time; the public method knows only the present.

    Args:
        run: open.
        values: numbers by name; or an Aim object, where there is a name.
        time: seconds since 1970, UTC.
        step: epoch or trial; 0 for what there is once.
        context: tells sequences of one name apart.
        name: of the object.
    """
    need_room(Path(run.repo.path))
    if name is not None:
        known = run._tracker.sequence_infos.get((Context(context).idx, name))
        if known and known.initialized:
            known.count = step  # else the run's page keeps what was there before
    run._tracker._track(values, time, name, step, step, context=dict(context))


def study_id(directory: Path) -> str:
    """Return what tells this study from others in Aim; it is kept in the run directory and moves with it."""
    file = directory / ID_FILE
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(file, secrets.token_hex(12) + "\n")
    return file.read_text(encoding="utf-8").strip()


def _install_safe_exit() -> None:
    # Aim's own exit hook waits for ever where the disk is full, and starts a thread, which Python 3.12 forbids.
    atexit.unregister(AutoClean.cleanup)
    AutoClean._registered_with_atexit = True
    leaving, cleaned = threading.Event(), threading.Event()

    def clean() -> None:
        leaving.wait()
        try:
            AutoClean._cleanup()
        finally:
            cleaned.set()

    def leave() -> None:
        leaving.set()
        cleaned.wait(EXIT_SECONDS)

    threading.Thread(target=clean, name="aim-exit", daemon=True).start()
    atexit.register(leave)


_install_safe_exit()
