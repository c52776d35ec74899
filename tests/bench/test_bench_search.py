"""What a search costs beside its trainings, in time and in memory.

pytest tests/bench/test_bench_search.py -o addopts="--strict-markers --import-mode=importlib" --benchmark-only -s
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from genrelab.config.files import parse
from genrelab.plugins.registry import Registry
from genrelab.study.search.plan import Outcome, Plan, make_plan
from genrelab.study.search.search import Search
from genrelab.study.search.sobol import propose_sobol
from tests.conftest import ROOT

STUDY: dict[str, Any] = {
    "train.batch_size": {"choice": [16, 32, 64, 128]},
    "train.learning_rate": {"choice": [1e-4, 3e-4, 5e-4, 7e-4, 1e-3]},
    "model.hidden_dim": {"choice": [64, 128, 256]},
    "model.dropout": {"choice": [0.2, 0.3, 0.4, 0.5]},
    "model.num_layers": {"choice": [1, 2]},
}
"""The space of the reference study."""
RANGES = {**STUDY, "train.learning_rate": {"low": 1e-4, "high": 1e-3, "log": True}}
"""The same with a range, which Ax cannot enumerate."""
MOST_SECONDS, MOST_GIGABYTES = 5.0, 1.2


def make(space: dict[str, Any], completed: int) -> tuple[Plan, list[Outcome]]:
    """Return a search that has tried so many points of a Sobol sequence, and what they came to."""
    tables = {
        "name": "x",
        "dataset": {"name": "synthetic"},
        "feature": {"name": "log_mel"},
        "model": {"name": "cnn1d_gru"},
        "search": {"trials": 200, "space": space},
    }
    registry = Registry.discover()
    found = parse(tables, registry, "x")
    plan = make_plan(found, found.candidate[0], registry)
    first: list[Any] = []
    while len(first) < completed:
        first.append(propose_sobol(plan, first))
    return attrs.evolve(plan, first=first), [outcome(settings) for settings in first]


def outcome(settings: dict[str, Any]) -> Outcome:
    """Lose by a rate that is off, and by dropout in a small network."""
    rate, capacity = settings["train.learning_rate"], settings["model.num_layers"]
    return Outcome("completed", {"loss": 0.5 + 500 * abs(rate - 5e-4) + settings["model.dropout"] / capacity})


@pytest.mark.benchmark(timer=time.process_time)  # one thread: what it takes where nothing else runs
@pytest.mark.parametrize("space", [STUDY, RANGES], ids=["choices", "range"])
@pytest.mark.parametrize("completed", [20, 50, 100])
def test_ask_and_tell(benchmark: BenchmarkFixture, tmp_path: Path, completed: int, space: dict[str, Any]) -> None:
    """One trial's share of the search: load Ax's snapshot, tell a result, ask, write the file."""
    plan, outcomes = make(space, completed)
    file, kept = tmp_path / "search.json", tmp_path / "kept.json"
    search = Search(file, plan)
    for _ in outcomes:
        search.propose([])
    settings = search.propose(outcomes[:-1])  # Ax knows all but the last from now on
    assert settings is not None
    shutil.copy(file, kept)

    def restore() -> tuple[tuple[Search], dict[str, Any]]:
        shutil.copy(kept, file)
        return (Search(file, plan),), {}

    known = [*outcomes, outcome(settings)]
    benchmark.pedantic(lambda search: search.propose(known), setup=restore, rounds=3)
    assert benchmark.stats.stats.min < MOST_SECONDS


def as_a_study() -> None:
    """Ask at 100 trials, and look into what the search has found out, with all loaded that a study loads."""
    import tempfile

    import aim  # noqa: F401
    import plotly  # noqa: F401

    from genrelab.study import run  # noqa: F401
    from genrelab.study.search.ax.surrogate import Surrogate

    plan, outcomes = make(RANGES, 100)
    with tempfile.TemporaryDirectory() as folder:
        search = Search(Path(folder) / "search.json", plan)
        for _ in [*outcomes, *range(2)]:  # the second of those that Ax is asked for needs a model
            search.propose(outcomes)
        assert len(search.proposals) == len(outcomes) + 2
        Surrogate(plan, search.proposals[: len(outcomes)], outcomes).describe()
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_that_asks_stays_small(benchmark: BenchmarkFixture) -> None:
    command = [sys.executable, "-c", f"from {__name__} import as_a_study; as_a_study()"]
    path = os.pathsep.join([str(ROOT), *sys.path])

    def peak() -> float:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
        assert done.returncode == 0, done.stderr
        return int(done.stdout) * 1024 / 1e9

    gigabytes = benchmark.pedantic(peak, rounds=1)
    benchmark.extra_info["GB"] = gigabytes
    print(f"\npeak memory: {gigabytes:.2f} GB")
    assert gigabytes < MOST_GIGABYTES
