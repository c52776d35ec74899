"""What a result depends on besides the experiment: versions, machine, revision, command."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from typing import Any

_PACKAGES = ("genrelab", "torch", "torchaudio", "numpy", "soundfile", "soxr", "scikit-learn", "ax-platform", "aim")


def describe_environment() -> dict[str, Any]:
    """Return the environment as plain values. No environment variables: they hold secrets."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 0,
        "packages": {name: _version(name) for name in _PACKAGES},
        "git_revision": _git_revision(),
        "command": [os.path.basename(sys.argv[0]), *sys.argv[1:]],  # noqa: PTH119
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _git_revision() -> str:
    """Return the revision of the working folder, with ``+changes`` where it has some; empty outside git."""
    try:
        git = ["git", "describe", "--always", "--abbrev=40", "--dirty=+changes", "--exclude=*"]
        answer = subprocess.run(git, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
