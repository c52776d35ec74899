"""A registry.toml that somebody got wrong: it is read, or there is one clear report with exit code 2."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.abuse.mutations import HOSTILE, texts, written
from tests.abuse.test_experiment_files import FUZZED, SECONDS, assert_clear
from tests.abuse.watch import Told, at_most, command, watched
from tests.conftest import ROOT

SHIPPED = tomllib.loads((ROOT / "registry.toml").read_text(encoding="utf-8"))
OWN = {
    "disabled": ["model/cnn1d@others"],
    "models": {"net": "./net.py", "cnn1d_gru": SHIPPED["models"]["cnn1d_gru"]},
}
TARGETS = [
    *HOSTILE,
    "net",
    "./net",
    "net.py.py",
    "genrelab_plugins",
    "genrelab_plugins.models.",
    ".models",
    "os.path.x",
]
EXPERIMENT = {
    "name": "x",
    "dataset": {"name": "synthetic"},
    "feature": {"name": "log_mel"},
    "model": {"name": "cnn1d_gru"},
}


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("registry"))
        Path("x.toml").write_bytes(written(EXPERIMENT))
        yield


def check(content: bytes, *arguments: str) -> Told:
    """Work in a folder with that registry; hold what is promised of every file."""
    Path("registry.toml").write_bytes(content)
    with watched() as deeds, at_most(SECONDS):
        told = command(*arguments)
    assert not deeds.written
    assert not deeds.ran
    assert_clear(told)
    return told


@settings(FUZZED, max_examples=40)
@given(texts([SHIPPED, OWN]))
def test_a_changed_registry_is_read_or_told_in_one_report(content: bytes) -> None:
    check(content, "validate", "x.toml")


@pytest.mark.slow
@settings(FUZZED, max_examples=2_000)
@given(texts([SHIPPED, OWN]), st.sampled_from([["list"], ["validate", "x.toml"]]))
def test_two_thousand_changed_registries_are_read_or_told_in_one_report(
    content: bytes, arguments: list[str]
) -> None:
    check(content, *arguments)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: ascii(t)[:30])
def test_a_target_that_leads_nowhere_is_told_where_it_is_asked_for_and_disturbs_nobody(target: str) -> None:
    content = written({"models": {"net": target}})
    assert check(content, "list", "model").code == 0
    assert check(content, "validate", "x.toml").code == 0
    told = check(content, "validate", "x.toml", "--set", "model.name='net'")
    assert told.code == 2
    assert "registry.toml" in told.err
