"""One small study for everything that uses what was trained."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from genrelab.data.tracks import read_tracks
from genrelab.plugins.registry import Registry
from genrelab.use.classifier import Classifier, load
from tests.conftest import TOY

EXPERIMENT = """
name = "study"
seed = 1

[dataset]
name = "tones"

[audio]
sample_rate = 8000
seconds = 1.0

[feature]
name = "spectrum"
normalization = "training_set"

[train]
epochs = 8
batch_size = 8
learning_rate = 3e-2
monitor = "accuracy"

[final]
seeds = [1, 2]

[[candidate]]
name = "toy"
model = { name = "linear", width = 16 }

[[candidate]]
name = "cnn1d_gru"
feature = { name = "log_mel", n_fft = 256, hop_length = 64, n_mels = 16, normalization = "clip" }
model = { name = "cnn1d_gru", hidden_dim = 4, num_layers = 1 }
"""
WINDOWS = "[audio]\nwindow_seconds = 0.4\nwindow_hop_seconds = 0.2"


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory of two candidates with windows; tests only read it."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.toml").write_text(EXPERIMENT.replace("[audio]", WINDOWS))
    command = [sys.executable, "-m", "genrelab.cli", "run", "study.toml", "--plugin", TOY / "toy.py"]
    done = subprocess.run(
        [*command, "--set", "executor.workers=1", "--set", "reporter=[]"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder / "runs/study"


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry.discover([TOY / "toy.py"])


@pytest.fixture
def classifier(study: Path, registry: Registry) -> Callable[..., Classifier]:
    return lambda candidate="toy", **more: load(study, candidate=candidate, registry=registry, **more)


@pytest.fixture
def tested(study: Path) -> Callable[[str, int], dict[str, np.ndarray[Any, Any]]]:
    """Give the probabilities in the study's test by path, for a candidate and a seed."""

    def of(candidate: str, seed: int) -> dict[str, np.ndarray[Any, Any]]:
        tracks = [t for t in read_tracks(study / "data/tracks.csv").tracks if t.split == "test"]
        with np.load(study / f"candidates/{candidate}/final/seed-{seed}/predictions.npz") as arrays:
            found = arrays["probabilities"]
        return {str(study.parents[1] / t.path): p for t, p in zip(tracks, found, strict=True)}

    return of


@pytest.fixture
def tone(tmp_path: Path) -> Callable[..., Path]:
    """Write a tone and return its file."""

    def write(name: str, hz: float = 600, seconds: float = 1.0, rate: int = 8000) -> Path:
        t = np.arange(round(seconds * rate)) / rate
        noise = np.random.default_rng(round(hz)).standard_normal(len(t))
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, (0.3 * np.sin(2 * np.pi * hz * t) + 0.1 * noise).astype("float32"), rate)
        return file

    return write


@pytest.fixture
def copied(study: Path, tmp_path: Path) -> Path:
    """A copy of the study that a test may change."""
    return Path(shutil.copytree(study, tmp_path / "copied"))
