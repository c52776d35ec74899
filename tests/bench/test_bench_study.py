"""What a study costs beside its trainings: asking Ax, telling, starting trainings, writing, logging to Aim.

pytest tests/bench/test_bench_study.py -o addopts="--strict-markers --import-mode=importlib" --benchmark-only -s

Trainings of next to nothing are run by `genrelab run`, and the CPU time of all its processes is counted. What a few
more trials add is the cost of a trial; the rest is paid once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.conftest import TOY

TRIAL_SECONDS, MOST_SHARE = 60.0, 0.05
"""A short training, and which part of it the rest may cost."""
FEW, MANY = 10, 50
EPOCHS = 20
SPACE = {
    "train.learning_rate": [1e-4, 3e-4, 5e-4, 7e-4, 1e-3],
    "train.batch_size": [4, 8, 16, 32],
    "model.width": [4, 8, 16],
    "model.dropout": [0.2, 0.3, 0.4, 0.5],
    "train.ema_decay": [0.0, 0.9],
}
"""As large as that of the reference study."""
SETTINGS = (
    'reporter=[{name="console"}, {name="aim"}]',
    'candidate=[{name="one", model={name="linear"}}]',
    *(f'search.space."{name}"={{choice={values}}}' for name, values in SPACE.items()),
    f"train.epochs={EPOCHS}",
    "train.patience=0",
    "final.finalists=1",
    "final.seeds=[1]",
    "executor.workers=1",
)


def cpu_seconds(folder: Path, trials: int) -> float:
    """Run a study; return the seconds of CPU that its processes took together."""
    folder.mkdir()
    sets = [part for text in (*SETTINGS, f"search.trials={trials}") for part in ("--set", text)]
    command = [sys.executable, "-m", "genrelab.cli", "run", TOY / "toy.toml", "--plugin", TOY / "toy.py", *sets]
    before = os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after = os.times()
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr  # all reporters have heard everything
    assert len(list(folder.glob("runs/toy/candidates/one/trials/*/result.json"))) == trials
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.skipif(sys.platform == "win32", reason="counts the CPU time of child processes")
def test_a_study_costs_little_beside_its_trainings(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    few = cpu_seconds(tmp_path / "few", FEW)
    many = benchmark.pedantic(cpu_seconds, args=(tmp_path / "many", MANY), rounds=1)
    each = (many - few) / (MANY - FEW)
    benchmark.extra_info |= {"seconds_a_trial": each, "seconds_once": few - FEW * each}
    print(f"\n{each:.2f} s a trial, {each / TRIAL_SECONDS:.1%} of a minute; once {few - FEW * each:.0f} s")
    assert each < MOST_SHARE * TRIAL_SECONDS
