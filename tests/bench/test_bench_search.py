"""What a search costs beside its trainings, and how soon it finds good settings."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from genrelab.config.files import parse
from genrelab.plugins.registry import Registry
from genrelab.study.search.plan import Outcome, Plan, make_plan
from genrelab.study.search.search import Search
from genrelab.study.search.sobol import propose_sobol

REGISTRY = Registry.discover()
STUDY: dict[str, Any] = {
    "train.batch_size": {"choice": [16, 32, 64, 128]},
    "train.learning_rate": {"choice": [1e-4, 3e-4, 5e-4, 7e-4, 1e-3]},
    "model.hidden_dim": {"choice": [64, 128, 256]},
    "model.dropout": {"choice": [0.2, 0.3, 0.4, 0.5]},
    "model.num_layers": {"choice": [1, 2]},
}
"""The space of the reference study."""


def plan(**search: Any) -> Plan:
    tables = {
        "name": "x",
        "dataset": {"name": "synthetic"},
        "feature": {"name": "log_mel"},
        "model": {"name": "cnn1d_gru"},
        "search": {"trials": 200, "space": STUDY, **search},
    }
    found = parse(tables, REGISTRY, "x")
    return make_plan(found, found.candidate[0], REGISTRY)


def outcome(settings: dict[str, Any]) -> Outcome:
    loss = (
        abs(settings["train.learning_rate"] - 5e-4) * 500 + settings["model.dropout"] / settings["model.num_layers"]
    )
    return Outcome("completed", {"loss": 0.5 + loss})


@pytest.mark.parametrize("completed", [20, 50, 100])
def test_ask_and_tell(benchmark: BenchmarkFixture, tmp_path: Path, completed: int) -> None:
    """One trial's share of the search after so many: load Ax's snapshot, tell a result, ask, write the file."""
    of, file = plan(), tmp_path / "search.json"
    found, outcomes = Search(file, of), []
    first: list[Any] = []
    while len(first) < completed - 1:
        first.append(propose_sobol(of, first))
    from attrs import evolve

    of = evolve(of, first=first)
    found = Search(file, of)
    while len(outcomes) < completed:
        settings = found.propose(outcomes)
        assert settings is not None
        outcomes.append(outcome(settings))
    kept = tmp_path / "kept.json"
    shutil.copy(file, kept)

    def restore() -> tuple[tuple[Search], dict[str, Any]]:
        shutil.copy(kept, file)
        return (Search(file, of),), {}

    benchmark.pedantic(lambda search: search.propose(outcomes), setup=restore, rounds=3)
