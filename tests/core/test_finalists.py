"""Who is trained again, who is chosen, and what may change in a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli_w

from genrelab.config.choices import tables
from genrelab.config.files import parse
from genrelab.config.search import Search
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry
from genrelab.study.claim import claim, restart
from genrelab.study.finalists import best_of, pareto_front, ranked
from genrelab.study.search.plan import Outcome, Plan

SETTINGS: list[dict[str, Any]] = [{"model.dropout": v} for v in (0.1, 0.2, 0.3, 0.4)]


def ended(**values: float) -> Outcome:
    return Outcome("completed", values)


def test_finalists_are_the_best_that_completed() -> None:
    outcomes = [ended(loss=0.5), Outcome("failed"), Outcome("stopped", {"loss": 0.1}), ended(loss=0.3)]
    assert ranked(Plan([], Search()), SETTINGS, outcomes) == [SETTINGS[3], SETTINGS[0]]


def test_the_same_settings_are_one_finalist_and_those_of_earlier_runs_count() -> None:
    plan = Plan([], Search(metric="accuracy"), warm=[({"model.dropout": 0.9}, {"accuracy": 0.8})])
    found = ranked(plan, [SETTINGS[0], SETTINGS[0]], [ended(accuracy=0.5), ended(accuracy=0.9)])
    assert found == [SETTINGS[0], {"model.dropout": 0.9}]


def test_where_there_are_several_objectives_the_front_comes_first() -> None:
    plan = Plan([], Search(metric="f1_macro", against=("parameters",)))
    outcomes = [
        ended(f1_macro=0.8, parameters=90),
        ended(f1_macro=0.7, parameters=95),
        ended(f1_macro=0.6, parameters=10),
        ended(f1_macro=0.8, parameters=90),
    ]
    assert pareto_front(plan, outcomes) == {0, 2, 3}
    assert ranked(plan, SETTINGS, outcomes) == [SETTINGS[0], SETTINGS[3], SETTINGS[2], SETTINGS[1]]


def test_the_mean_over_seeds_chooses_and_a_failure_counts_against() -> None:
    plan = Plan([], Search(metric="accuracy"))
    assert best_of(plan, [[ended(accuracy=0.5)] * 2, [ended(accuracy=0.4), ended(accuracy=0.8)]]) == 1
    assert best_of(plan, [[ended(accuracy=0.5)] * 2, [Outcome("failed"), ended(accuracy=0.9)]]) == 0
    assert best_of(plan, [[ended(accuracy=0.5)], [ended(accuracy=0.5)]]) == 0
    assert best_of(plan, [[Outcome("failed")]]) is None


BASE: dict[str, Any] = {
    "name": "x",
    "dataset": {"name": "synthetic"},
    "feature": {"name": "log_mel"},
    "search": {"trials": 4, "space": {"model.dropout": {"choice": [0.1, 0.3]}}},
    "final": {"seeds": [1, 2]},
    "candidate": [{"name": "a", "model": {"name": "cnn1d_gru"}}, {"name": "b", "model": {"name": "cnn1d_lstm"}}],
}
A, B = BASE["candidate"]


def begun(root: Path) -> Path:
    root.mkdir()
    experiment = parse(BASE, Registry.discover(), "x")
    (root / "experiment.toml").write_text(tomli_w.dumps(tables(experiment)))
    return root


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"search": {**BASE["search"], "trials": 9}},
        {"final": {"seeds": [3, 2, 1]}},
        {"candidate": [B, {"name": "c", "model": {"name": "cnn2d_gru"}}, A]},
        {"device": "cpu", "executor": {"name": "local", "workers": 7}, "reporter": []},
    ],
)
def test_a_study_may_get_more_of_everything(tmp_path: Path, changed: dict[str, Any]) -> None:
    with claim(parse({**BASE, **changed}, Registry.discover(), "x"), begun(tmp_path / "run")):
        pass


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"search": {**BASE["search"], "trials": 3}}, "search.trials: 4 there, 3 here"),
        ({"search": {**BASE["search"], "metric": "accuracy"}}, "search.metric: 'loss' there, 'accuracy' here"),
        ({"final": {"seeds": [1, 3]}}, "final.seeds[1]: 2 there, 3 here"),
        ({"final": {"seeds": [1, 2], "finalists": 2}}, "final.finalists: 3 there, 2 here"),
        ({"candidate": [A]}, "candidate.b: "),
        ({"candidate": [A, {**B, "train": {"epochs": 2}}]}, "candidate.b.train: None there"),
        ({"split": {"seed": 1}}, "split.seed: 42 there, 1 here"),
        ({"search": {"trials": 4, "space": {"model.dropout": {"choice": [0.1]}}}}, "search.space.model.dropout"),
    ],
)
def test_a_study_does_not_become_another_one(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    experiment = parse({**BASE, **changed}, Registry.discover(), "x")
    with (
        pytest.raises(InputError, match="holds another experiment") as caught,
        claim(experiment, begun(tmp_path / "r")),
    ):
        pass
    assert said in str(caught.value)


def test_the_second_process_is_told_who_holds_a_run_directory(tmp_path: Path) -> None:
    import os

    experiment = parse(BASE, Registry.discover(), "x")
    root = begun(tmp_path / "run")
    with (
        claim(experiment, root),
        pytest.raises(InputError, match=f"process {os.getpid()} on .* runs this study"),
        claim(experiment, root),
    ):
        pass
    with claim(experiment, root), pytest.raises(InputError, match="runs this study"):
        restart(root)


def test_only_a_run_directory_is_deleted_to_restart(tmp_path: Path) -> None:
    restart(tmp_path / "none")
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="is no run directory; it is left as it is"):
        restart(tmp_path / "mine")
    root = begun(tmp_path / "run")
    restart(root)
    assert not root.exists()
