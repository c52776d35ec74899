"""Proposals of a search: within its space, the same after a kill, none twice, better than chance."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genrelab.config.experiment import Experiment
from genrelab.config.files import parse
from genrelab.config.search import Settings
from genrelab.plugins.registry import Registry
from genrelab.quiet import quiet
from genrelab.study.search.ax.ask import new_client, tell
from genrelab.study.search.plan import Outcome, Plan, key, make_plan
from genrelab.study.search.search import Search, has_failed

REGISTRY = Registry.discover()
SPACE: dict[str, Any] = {
    "train.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "model.dropout": {"choice": [0.1, 0.3, 0.5]},
    "feature.normalization": {"choice": ["minmax", "clip", "none"]},
    "train.epochs": {"fixed": 5},
}


def experiment(space: dict[str, Any] = SPACE, **search: Any) -> Experiment:
    tables = {
        "name": "x",
        "seed": 3,
        "dataset": {"name": "synthetic"},
        "feature": {"name": "log_mel"},
        "model": {"name": "cnn1d_gru"},
        "search": {"trials": 12, "space": space, **search},
    }
    return parse(tables, REGISTRY, "x")


def plan(space: dict[str, Any] = SPACE, **search: Any) -> Plan:
    found = experiment(space, **search)
    return make_plan(found, found.candidate[0], REGISTRY)


def loss(settings: Settings) -> float:
    rate, dropout = float(settings.get("train.learning_rate", 1e-3)), float(settings.get("model.dropout", 0.3))
    return abs(math.log10(rate) + 2.5) + abs(dropout - 0.3)


Judge = Callable[[Settings], Outcome]


def by_loss(settings: Settings) -> Outcome:
    return Outcome("completed", {"loss": loss(settings)})


def propose(file: Path, of: Plan, trials: int, judge: Judge = by_loss, *, anew: bool = False) -> list[Settings]:
    """Run a search, one trial after the other; anew: as if the process had been killed before every proposal."""
    found, outcomes = Search(file, of), []
    for number in range(trials):
        found = Search(file, of) if anew else found
        known = found.known(outcomes, number)
        assert known is not None
        settings = found.propose(known)
        if settings is None:
            break
        outcomes.append(judge(settings))
    return found.proposals


@pytest.mark.parametrize("search", [{}, {"parallel": 3}, {"method": "sobol"}, {"start": "stratified"}])
def test_a_search_that_is_killed_goes_on_with_the_same_proposals(tmp_path: Path, search: dict[str, Any]) -> None:
    undisturbed = propose(tmp_path / "a", plan(**search), 7)
    assert propose(tmp_path / "b", plan(**search), 7, anew=True) == undisturbed
    assert len({key(s) for s in undisturbed}) == 7


@pytest.mark.parametrize("method", ["bayesian", "sobol"])
def test_proposals_are_within_the_space_and_of_the_right_type(tmp_path: Path, method: str) -> None:
    for settings in propose(tmp_path / "x", plan(method=method), 7):
        assert settings.keys() == SPACE.keys()
        rate = settings["train.learning_rate"]
        assert isinstance(rate, float)
        assert 1e-4 <= rate <= 1e-1
        assert settings["model.dropout"] in (0.1, 0.3, 0.5)
        assert settings["feature.normalization"] in ("minmax", "clip", "none")
        assert settings["train.epochs"] == 5


def test_the_first_trial_is_the_centre_and_needs_no_ax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genrelab.study.search.search.propose_ax", None)
    [first] = propose(tmp_path / "x", plan(), 1)
    assert first == {
        "train.learning_rate": pytest.approx(10**-2.5),
        "model.dropout": 0.3,
        "feature.normalization": "clip",
        "train.epochs": 5,
    }


def test_a_trial_in_flight_is_not_waited_for_beyond_what_parallel_allows(tmp_path: Path) -> None:
    found, done = Search(tmp_path / "x", plan(parallel=2)), Outcome("completed", {"loss": 1.0})
    assert found.known([], 0) == []
    assert found.known([], 1) == []
    assert found.known([], 2) is None
    assert found.known([done, done, done], 2) == [done]  # what ended sooner than it need have is not looked at


def test_a_failed_trial_is_not_proposed_again(tmp_path: Path) -> None:
    few = {"model.dropout": {"choice": [0.1, 0.2, 0.3, 0.4, 0.5]}, "train.batch_size": {"choice": [8, 16]}}

    def judge(settings: Settings) -> Outcome:
        if settings["train.batch_size"] == 8:
            return Outcome("failed")
        return Outcome("completed", {"loss": float(settings["model.dropout"])})

    found = propose(tmp_path / "x", plan(few), 10, judge)
    assert len({key(s) for s in found}) == len(found)


def test_a_space_that_is_exhausted_ends_the_search(tmp_path: Path) -> None:
    tiny = plan({"model.num_layers": {"choice": [1, 2]}, "model.dropout": {"choice": [0.1, 0.2, 0.3]}})
    assert tiny.trials() == 6
    found = propose(tmp_path / "x", tiny, 6, lambda s: Outcome("completed", {"loss": float(s["model.dropout"])}))
    assert len({key(s) for s in found}) == 6


@pytest.mark.parametrize(("metric", "better"), [("accuracy", 0.6), ("loss", 0.0)])
def test_the_model_goes_where_the_objective_is_better(tmp_path: Path, metric: str, better: float) -> None:
    of = plan({"model.dropout": {"low": 0.0, "high": 0.6}}, metric=metric)
    found = propose(tmp_path / "x", of, 8, lambda s: Outcome("completed", {metric: float(s["model.dropout"])}))
    assert min(abs(float(s["model.dropout"]) - better) for s in found[5:]) < 0.1


def test_a_grid_tries_every_setting_once_within_the_constraints(tmp_path: Path) -> None:
    space = {"train.batch_size": {"choice": [8, 16]}, "model.num_layers": {"low": 1, "high": 3, "step": 1}}
    of = plan(space, method="grid", constraints=["train.batch_size + 8*model.num_layers <= 24"])
    found = propose(tmp_path / "x", of, 12)
    assert sorted((s["train.batch_size"], s["model.num_layers"]) for s in found) == [(8, 1), (8, 2), (16, 1)]


def test_fixed_settings_are_tried_in_their_order_with_what_they_leave_out_as_in_the_file(tmp_path: Path) -> None:
    settings = [{"model.dropout": 0.5}, {"model.dropout": 0.1}]
    of = plan({}, method="fixed", first=settings, trials=0)
    assert of.trials() == 2
    assert propose(tmp_path / "x", of, 5) == settings


def test_settings_to_try_first_come_first_and_the_search_goes_on_from_them(tmp_path: Path) -> None:
    first = [{"train.learning_rate": 3e-3, "model.dropout": 0.5, "feature.normalization": "none"}]
    found = propose(tmp_path / "x", plan(first=first), 7)
    assert found[0] == {**first[0], "train.epochs": 5}
    assert len({key(s) for s in found}) == 7


def test_a_stratified_start_shows_every_unordered_choice_alike(tmp_path: Path) -> None:
    space = {
        "feature.normalization": {"choice": ["minmax", "clip", "band", "none"]},
        "train.loss": {"choice": ["cross_entropy", "focal"]},
        "model.dropout": {"low": 0.0, "high": 0.5},
    }
    found = propose(tmp_path / "x", plan(space, start="stratified", method="bayesian", trials=6), 5)
    counts = Counter(s["feature.normalization"] for s in found)
    assert len(counts) == 4
    assert max(counts.values()) - min(counts.values()) <= 1
    assert Counter(s["train.loss"] for s in found).most_common()[-1][1] >= 2


@pytest.mark.parametrize("method", ["bayesian", "sobol"])
def test_parameters_of_a_chosen_component_stand_only_beside_it(tmp_path: Path, method: str) -> None:
    space = {
        "scheduler.name": {"choice": ["none", "step_lr", "exponential"]},
        "scheduler.step_lr.step_size": {"choice": [2, 5]},
        "scheduler.step_lr.gamma": {"low": 0.1, "high": 0.9},
        "train.learning_rate": {"choice": [1e-3, 1e-2]},
    }
    of = plan(space, method=method)
    found = propose(tmp_path / "x", of, 8, lambda s: Outcome("completed", {"loss": len(s) + 0.1}))
    assert {s["scheduler.name"] for s in found} >= {"none", "step_lr"}
    for settings in found:
        mine = {name for name in settings if name.startswith("scheduler.step_lr.")}
        assert len(mine) == (2 if settings["scheduler.name"] == "step_lr" else 0)


def test_ax_leaves_the_settings_that_it_is_told_of_as_they_are() -> None:
    """Parameters of a component that is not chosen may not come back with the settings of a trial."""
    of = plan(
        {"scheduler.name": {"choice": ["none", "step_lr"]}, "scheduler.step_lr.gamma": {"low": 0.1, "high": 0.9}}
    )
    proposals = [{"scheduler.name": "none"}, {"scheduler.name": "step_lr", "scheduler.step_lr.gamma": 0.5}]
    before = copy.deepcopy(proposals)
    with quiet():
        tell(new_client(of), of, proposals, [])
    assert proposals == before


@pytest.mark.slow  # Ax takes most of a minute over several objectives
def test_several_objectives_and_a_limit_of_results_are_told_to_ax(tmp_path: Path) -> None:
    space = {"model.hidden_dim": {"low": 8, "high": 128}, "model.dropout": {"choice": [0.1, 0.3]}}
    of = plan(space, metric="f1_macro", against=["parameters"], constraints=["seconds <= 90"])
    assert of.watched == ("f1_macro", "parameters", "seconds")

    def judge(settings: Settings) -> Outcome:
        width = float(settings["model.hidden_dim"])
        values = {"f1_macro": 1 - 8 / width, "parameters": width**2, "seconds": width}
        return Outcome("completed", values)

    found = propose(tmp_path / "x", of, 7, judge)
    assert len({key(s) for s in found}) == 7


def test_a_search_starts_from_what_is_known(tmp_path: Path) -> None:
    import attrs

    space = {"model.dropout": {"low": 0.0, "high": 0.6}}
    known = [({"model.dropout": v}, {"loss": (v - 0.2) ** 2}) for v in (0.0, 0.1, 0.25, 0.3, 0.45, 0.6)]
    of = attrs.evolve(plan(space), warm=known)
    values = [
        float(s["model.dropout"])
        for s in propose(
            tmp_path / "x", of, 3, lambda s: Outcome("completed", {"loss": (float(s["model.dropout"]) - 0.2) ** 2})
        )
    ]
    assert min(abs(value - 0.2) for value in values) < 0.05


def test_a_search_is_over_when_its_time_is_up_or_too_many_have_failed(tmp_path: Path) -> None:
    slow = Outcome("completed", {"loss": 1.0}, seconds=30.0)
    timed = Search(tmp_path / "a", plan(seconds=60.0))
    assert not timed.is_over([slow])
    assert timed.is_over([slow, slow])
    of = plan(max_failure_share=0.25)
    failed, ok = Outcome("failed"), Outcome("completed", {"loss": 1.0})
    assert not has_failed(of, [failed, failed, failed, ok])
    assert has_failed(of, [failed, failed, failed, failed])
    assert Search(tmp_path / "b", of).is_over([failed] * 4)
