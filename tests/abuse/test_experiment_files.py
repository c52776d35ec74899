"""Experiment files that somebody got wrong: each is valid, or met by one clear report with exit code 2."""

from __future__ import annotations

import functools
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.abuse.mutations import HOSTILE, texts, written
from tests.abuse.watch import Told, at_most, command, watched
from tests.conftest import ROOT

SECONDS = 2.0
WHOLE: dict[str, Any] = {  # every table, and every way to search
    "name": "whole",
    "device": "cpu",
    "dataset": {"name": "synthetic", "clips": 48, "exclude": ["x"], "licence": "CC-0"},
    "audio": {"seconds": 2.0, "window_seconds": 1.0, "cut": "segments"},
    "feature": {"name": "log_mel", "n_mels": 32, "normalization": "training_set"},
    "augment": [{"name": "spec_mask", "probability": 0.5}, {"name": "mixup"}, {"name": "gain"}],
    "scheduler": [{"name": "step_lr", "gamma": 0.7}, {"name": "reduce_on_plateau"}],
    "split": {"by": "track", "folds": 5, "fold": 2},
    "train": {"epochs": 4, "optimizer": "sgd", "time_limit": 60.0},
    "executor": {"name": "local", "workers": 1},
    "reporter": [{"name": "console"}],
    "search": {
        "trials": 4,
        "against": ["parameters"],
        "constraints": ["model.hidden_dim + 2 * train.batch_size <= 200", "multiply_adds <= 2e9"],
        "first": [{"train.learning_rate": 1e-3}],
        "space": {
            "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
            "train.batch_size": {"choice": [16, 32]},
            "model.hidden_dim": {"low": 16, "high": 64, "step": 16},
            "model.dropout": "declared",
        },
    },
    "final": {"seeds": [1, 2], "finalists": 2},
    "candidate": [{"name": n, "model": {"name": n}} for n in ("cnn1d_gru", "cnn1d_lstm")],
}
GRID = {
    "method": "grid",
    "trials": 8,
    "space": {"model.dropout": {"choice": [0.1, 0.2]}, "model.name": {"choice": ["cnn1d", "cnn2d"]}},
}
FIXED = {"method": "fixed", "first": [{"model.dropout": 0.1}, {"train.optimizer": "sgd"}]}
FILES = [ROOT / "experiments/quickstart.toml", *sorted((ROOT / "experiments").glob("*/*.toml"))]


def standing_alone(file: Path) -> dict[str, Any]:
    """Read an experiment, but for the run directory of another one that it begins with."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    tables.get("search", {}).pop("warm_start", None)
    return tables


VALID = [
    WHOLE,
    {**WHOLE, "search": GRID},
    {**WHOLE, "search": FIXED},
    *map(standing_alone, FILES),
]
LINES = 100
LONG = 20_000  # letters that a report may have


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Work in an empty folder; the machine's distributions are read once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("experiments"))
        patch.setattr(metadata, "entry_points", functools.cache(metadata.entry_points))
        yield


def check(content: bytes, *more: str) -> Told:
    """Validate a file; hold what is promised of every file."""
    Path("x.toml").write_bytes(content)
    with watched() as deeds, at_most(SECONDS):
        told = command("validate", "x.toml", *more)
    assert not deeds.written
    assert not deeds.ran
    assert_clear(told)
    return told


def assert_clear(told: Told) -> None:
    """Hold that a command has ended well, or with one report that a person can read and no terminal obeys."""
    assert told.code in (0, 2), told
    assert (told.code == 0) == bool(told.out), told
    assert told.err.startswith("error: ") == (told.code == 2), told
    assert "Traceback" not in told.err
    assert told.err.count("error: ") <= 1 + told.err.count("'error: ")
    assert all(c.isprintable() or c == "\n" for c in told.err + told.out), told
    assert len(told.err) < LONG, len(told.err)
    assert told.err.count("\n") < LINES


FUZZED = settings(suppress_health_check=list(HealthCheck), database=None)
# What is drawn from is too large for hypothesis to show.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")


@settings(FUZZED, max_examples=100)
@given(texts(VALID))
def test_a_changed_experiment_is_valid_or_told_in_one_report(content: bytes) -> None:
    check(content)


@pytest.mark.slow
@settings(FUZZED, max_examples=10_000)
@given(texts(VALID))
def test_ten_thousand_changed_experiments_are_valid_or_told_in_one_report(content: bytes) -> None:
    check(content)


KEYS = [
    "#",
    "[x]\n#",
    "[x]\n[y]\nz",
    "a." * 5000 + "a",
    "name",
    "train.epochs",
    "search.space",
    "candidate.0",
    "candidate.cnn1d_gru.model",
    "dataset",
    "augment.1.x",
]


@settings(FUZZED, max_examples=40)
@given(
    st.sampled_from([*KEYS, *HOSTILE]),
    st.sampled_from(["", "=", "=1", "=[", '={a="b"', "=inf", "=" + "[" * 5000, "={a=" * 999, *HOSTILE]),
)
def test_an_override_is_valid_or_told_in_one_report(key: str, value: str) -> None:
    file = (ROOT / "experiments/quickstart.toml").read_bytes()
    check(file, "--set", (key + value).replace("\0", ""))


@pytest.mark.slow
def test_the_experiments_that_are_changed_are_valid() -> None:
    assert {check(written(tables)).code for tables in VALID} == {0}
