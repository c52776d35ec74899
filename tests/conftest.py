"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports torch: threads that fight for cores make recurrent layers a hundred times slower.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

# A busy machine is no fault of an example.
settings.register_profile("genrelab", deadline=None)
settings.load_profile("genrelab")

ROOT = Path(__file__).parent.parent
TOY = Path(__file__).parent / "toy"

Command = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let people keep the pictures that the browser tests take."""
    parser.addoption("--screenshots", help="folder that browser tests keep their screenshots in")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder with the toy plugin, listed in a registry.toml, and the toy experiment."""
    for file in TOY.glob("toy.*"):
        shutil.copy(file, tmp_path)
    kinds = {"datasets": "tones", "features": "spectrum", "models": "linear", "reporters": "recorder"}
    lines = [f'[{kind}]\n{name} = "./toy.py"\n' for kind, name in kinds.items()]
    (tmp_path / "registry.toml").write_text("".join(lines))
    return tmp_path


@pytest.fixture
def genrelab(tmp_path: Path) -> Command:
    """Run the command line as a user does, in a process of its own, in a temporary folder."""

    def run(*args: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "genrelab.cli", *map(str, args)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=timeout)

    return run
