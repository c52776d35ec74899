"""Aim, imported and opened in the ways in which it is safe."""

from __future__ import annotations

import atexit
import hashlib
import json
import secrets
import threading
import warnings
from pathlib import Path

from filelock import FileLock

# Aim still calls what SQLAlchemy has moved. Not within catch_warnings: that is not safe on a thread.
warnings.filterwarnings("ignore", message=r".*declarative_base", module=r"aim\.")

from aim.ext.cleanup import AutoClean  # noqa: E402
from aim.sdk.objects.image import Image  # noqa: E402
from aim.sdk.objects.text import Text  # noqa: E402
from aim.sdk.repo import Repo  # noqa: E402
from aim.sdk.run import Run  # noqa: E402

__all__ = ["Image", "Repo", "Run", "Text", "open_repo", "open_run", "study_id"]

ID_FILE = "aim_id"
EXIT_SECONDS = 15.0
"""How long the exit of the process waits for Aim to close what is open."""
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
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / ".aim" / "VERSION"
    with FileLock(folder / ".aim.lock"):  # two processes that make one repository break it
        repo = Repo.from_path(str(folder), init=not made.exists())
    settings = folder / ".aim" / ".project_settings"
    if not settings.exists():
        settings.write_text(json.dumps({"pinned_sequences": {"metric": PINNED}}), encoding="utf-8")
    return repo


def open_run(repo: Repo, name: str) -> Run:
    """Open the run whose key follows from the name: the same one whenever the name is the same."""
    key = hashlib.sha256(name.encode()).hexdigest()[:24]
    # Aim opens by key only runs whose folder exists, and remembers for half a second which do.
    Path(repo.path, "meta", "chunks", key).mkdir(parents=True, exist_ok=True)
    repo._all_run_hashes.cache_clear()
    return Run(key, repo=repo, system_tracking_interval=None, capture_terminal_logs=False)


def study_id(directory: Path) -> str:
    """Return what tells this study from others in Aim; it is kept in the run directory and moves with it."""
    file = directory / ID_FILE
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        file.write_text(secrets.token_hex(12) + "\n", encoding="utf-8")
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
