"""What a second worker of the local executor brings.

pytest tests/bench/test_bench_workers.py -o addopts="--strict-markers --import-mode=importlib" --benchmark-only -s

Needs two cores with nothing else to do: it reads the clock on the wall.
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
JOBS, EPOCHS = 4, 25
"""For each worker, and of each job: seconds on one core."""
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
    registry = Registry.discover()

    def rate(workers: int) -> float:
        """Return jobs a second, of workers that have started."""
        choice = registry.get("executor", "local")
        executor = choice.build(choice.params(workers=workers))
        try:
            run(executor, jobs(study, f"warm-{workers}", workers, 1))
            waiting = jobs(study, f"of-{workers}", workers * JOBS, EPOCHS)
            return len(waiting) / run(executor, waiting)
        finally:
            executor.close()

    one = rate(1)
    two = benchmark.pedantic(rate, args=(2,), rounds=1)
    benchmark.extra_info |= {"one": one, "two": two, "load": os.getloadavg()[0]}
    print(f"\n{one:.3f} and {two:.3f} trainings a second: {two / one:.2f} times as many")
    assert two > LEAST * one
