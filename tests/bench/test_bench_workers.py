"""What a second worker of the local executor brings.

pytest tests/bench/test_bench_workers.py -o addopts="--strict-markers --import-mode=importlib" --benchmark-only -s

It reads the clock on the wall, and so needs two cores with little else to do; the best of several rounds counts.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from genrelab import Job, TrialExecutor
from genrelab.config.files import parse
from genrelab.plugins.registry import Registry
from genrelab.study.run import run_study

LEAST = 1.7
JOBS, EPOCHS, ROUNDS = 3, 25, 3
"""Jobs for each worker, and how long these are: some seconds on one core."""
STUDY = {
    "name": "x",
    "dataset": {"name": "synthetic", "clips": 120, "artists": 5},
    "audio": {"seconds": 3.0},
    "feature": {"name": "log_mel", "n_mels": 64},
    "model": {"name": "cnn1d_gru", "hidden_dim": 32},
    "train": {"epochs": 1, "patience": 0},
    "final": {"seeds": [1]},
    "reporter": [],
    "executor": {"name": "inline"},
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study whose only training can be run again, at more length."""
    monkeypatch.chdir(tmp_path)
    registry = Registry.discover([Path(__file__).parents[1] / "inline_executor.py"])
    run_study(parse(STUDY, registry, "x"), registry, tmp_path / "run", tmp_path / "store")
    return tmp_path / "run/candidates/cnn1d_gru/final"


def jobs(study: Path, name: str, count: int, epochs: int) -> list[Job]:
    """Lay down jobs like the one of the study."""
    job = json.loads((study / "seed-1/job.json").read_text())
    job["recipe"]["train"]["epochs"] = epochs
    made = [Job(f"{name}-{i}", study / f"{name}-{i}") for i in range(count)]
    for one in made:
        one.directory.mkdir()
        (one.directory / "job.json").write_text(json.dumps(job))
    return made


def run(executor: TrialExecutor, waiting: list[Job]) -> float:
    """Run jobs as a study does; return the seconds that it took."""
    begun, count, waiting = time.perf_counter(), 0, list(waiting)
    while waiting or count:
        while waiting and count < executor.slots:
            executor.submit(waiting.pop())
            count += 1
        ended = executor.wait(0.2)
        assert all(end.state == "ended" for end in ended)
        count -= len(ended)
    return time.perf_counter() - begun


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_two_workers_train_nearly_twice_as_many(benchmark: BenchmarkFixture, study: Path) -> None:
    choice = Registry.discover().get("executor", "local")
    executors = {workers: choice.build(choice.params(workers=workers)) for workers in (1, 2)}
    rates: dict[int, list[float]] = {1: [], 2: []}

    def both() -> None:
        """Take both in turns, with workers that have started: what else runs comes and goes."""
        for workers, executor in executors.items():
            waiting = jobs(study, f"{len(rates[1])}-of-{workers}", workers * JOBS, EPOCHS)
            rates[workers].append(len(waiting) / run(executor, waiting))

    try:
        for workers, executor in executors.items():
            run(executor, jobs(study, f"warm-{workers}", workers, 1))
        benchmark.pedantic(both, rounds=ROUNDS)
    finally:
        for executor in executors.values():
            executor.close()
    one, two = (max(found) for found in rates.values())
    benchmark.extra_info |= {"one": rates[1], "two": rates[2]}
    for pair in zip(rates[1], rates[2], strict=True):
        print("\n{:.3f} and {:.3f} trainings a second".format(*pair), end="")
    print(f"; the best: {two / one:.2f} times as many")
    assert two > LEAST * one
