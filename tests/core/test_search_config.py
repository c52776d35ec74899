"""What an experiment file may say of its search, and what is said of one that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genrelab.config.choices import tables
from genrelab.config.constraints import inequality, satisfiable
from genrelab.config.files import parse
from genrelab.config.space import Parameter, every_setting, parameters, resolve, stepped, with_values
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry

REGISTRY = Registry.discover()
BASE: dict[str, Any] = {
    "name": "x",
    "dataset": {"name": "synthetic"},
    "feature": {"name": "log_mel"},
    "model": {"name": "cnn1d_gru"},
}
DROPOUT = {"model.dropout": {"low": 0.1, "high": 0.5}}


def problems(space: dict[str, Any], **search: Any) -> str:
    with pytest.raises(InputError) as caught:
        parse({**BASE, "search": {"trials": 4, "space": space, **search}}, REGISTRY, "x.toml")
    return str(caught.value)


def resolved(space: dict[str, Any], **changed: Any) -> list[Parameter]:
    experiment = parse({**BASE, "search": {"trials": 4, "space": space}, **changed}, REGISTRY, "x")
    candidate = experiment.candidate[0]
    found = experiment.space(candidate)
    return resolve(found, parameters(experiment.recipe(candidate), found, REGISTRY))


@pytest.mark.parametrize(
    ("space", "search", "said"),
    [
        ({}, {}, "search.space: is empty"),
        (DROPOUT, {"trials": 0}, "search.trials: is 0, but there is a space to search"),
        (DROPOUT, {"metric": "f1"}, "search.metric: 'f1' is not one of"),
        (DROPOUT, {"against": ["f2"]}, "search.against: 'f2' is not one of"),
        (DROPOUT, {"against": ["loss"]}, "search.against: 'loss' is not one of"),
        (DROPOUT, {"method": "random"}, "search.method: 'random' is not one of"),
        (DROPOUT, {"method": "grid"}, "a grid needs choices; give step"),
        (DROPOUT, {"method": "fixed"}, "has no meaning with method = 'fixed'"),
        ({}, {"method": "fixed", "trials": 0}, "search.first: is empty"),
        (DROPOUT, {"method": "sobol", "start": "stratified"}, "search.start: has no meaning with method = 'sobol'"),
        (DROPOUT, {"method": "sobol", "warm_start": ["runs/a"]}, "search.warm_start: has no meaning"),
        (DROPOUT, {"metric": "seconds", "stopping": {"rule": "asha"}}, "seconds is not known before a trial's end"),
        (DROPOUT, {"against": ["seconds"], "stopping": {"rule": "asha"}}, "looks at one objective"),
        (
            DROPOUT,
            {"first": [{"model.dropout": 0.9}]},
            "model.dropout = 0.9 is not in the space (for candidate 'cnn1d_gru')",
        ),
        (
            DROPOUT,
            {"first": [{"model.drop": 0.2}]},
            "model.drop is not searched (did you mean 'model.dropout'?) (for candidate",
        ),
        (DROPOUT, {"first": [{"model.dropout": []}]}, "expected a number, string or boolean"),
        (
            {"model.dropout": {"low": 0.1, "high": 0.5, "step": 0.3}},
            {},
            "0.5 is not 0.1 and a whole number of steps",
        ),
        ({"model.num_layers": {"low": 1, "high": 3, "step": 0.5}}, {}, "expected a whole number above 0"),
        ({"model.dropout": {"choice": [0.1], "log": True}}, {}, "only a range has step or log"),
        ({"train.time_limit": "declared"}, {}, "is not declared with a range or choices"),
        ({"model.name": {"choice": ["cnn1d_gru", "nonsense"]}}, {}, "'nonsense' is not one of"),
        ({"model.cnn1d_lstm.dropout": {"low": 0.1, "high": 0.2}}, {}, "names no parameter"),
        ({"augment.mixup.alpha": "declared"}, {}, "names no parameter"),
        (DROPOUT, {"constraints": ["model.dropout <= 0.05"]}, "no setting satisfies 'model.dropout <= 0.05'"),
        (DROPOUT, {"constraints": ["model.dropout * model.dropout <= 1"]}, "is not linear"),
        (DROPOUT, {"constraints": ["model.dropout < 1"]}, "is no inequality with one <= or >="),
        (DROPOUT, {"constraints": ["__import__('os') <= 1"]}, "is no number, name, sum or product"),
        (DROPOUT, {"constraints": ["model.num_layers <= 1"]}, "model.num_layers is not searched"),
        (DROPOUT, {"constraints": ["loss <= 1"]}, "is put on an objective"),
        (DROPOUT, {"constraints": ["parameters + seconds <= 1"]}, "names more than one metric or cost"),
    ],
)
def test_what_is_wrong_with_a_search_is_told(space: dict[str, Any], search: dict[str, Any], said: str) -> None:
    assert said in problems(space, **search)


@pytest.mark.parametrize(
    ("space", "search", "said"),
    [
        ({"model.drop": {"choice": [0.1]}}, {}, 'model.drop": names no parameter'),
        (DROPOUT, {"constraints": ["model.dropout <= 0.05"]}, "no setting satisfies 'model.dropout <= 0.05'"),
        (DROPOUT, {"first": [{"model.dropout": 0.9}]}, "model.dropout = 0.9 is not in the space"),
        (
            {"model.dropout": {"choice": [0.1, 0.2, 0.3, 0.4, 0.5]}},
            {"method": "grid"},
            "the grid has more settings",
        ),
        ({}, {"method": "fixed", "first": [{"model.dropout": 9.0}], "trials": 1}, "model.dropout: 9.0 is outside"),
    ],
)
def test_what_candidates_share_is_told_once(space: dict[str, Any], search: dict[str, Any], said: str) -> None:
    names = ("cnn1d_gru", "cnn1d_lstm", "cnn2d_gru")
    candidate = [{"name": name, "model": {"name": name}} for name in names]
    tables = {**BASE, "candidate": candidate, "search": {"trials": 4, "space": space, **search}}
    with pytest.raises(InputError) as caught:
        parse(tables, REGISTRY, "x.toml")
    assert "problems" not in str(caught.value)
    assert said in str(caught.value)
    assert str(caught.value).endswith(" (for every candidate)")


def test_what_some_candidates_share_names_them() -> None:
    own = {"space": {"model.dropout": {"low": 0.0, "high": 0.05}}}
    candidate = [{"name": "a"}, {"name": "b", **own}, {"name": "c"}]
    search = {"trials": 4, "space": DROPOUT, "constraints": ["model.dropout <= 0.05"]}
    with pytest.raises(InputError, match=r"no setting satisfies '[^']*' \(for candidates 'a', 'c'\)$"):
        parse({**BASE, "candidate": candidate, "search": search}, REGISTRY, "x.toml")


def test_all_kinds_of_a_space_are_resolved() -> None:
    space = {
        "train.batch_size": {"choice": [16, 32, 64]},
        "model.dropout": {"low": 0.2, "high": 0.5, "step": 0.1},
        "model.hidden_dim": "declared",
        "feature.normalization": "declared",
        "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "train.decay_biases": {"choice": [True, False], "ordered": False},
        "train.epochs": {"fixed": 30},
    }
    found = {p.name: p for p in resolved(space)}
    assert found["model.dropout"].values == (0.2, 0.3, 0.4, 0.5)
    assert not found["model.dropout"].is_range
    assert (found["model.hidden_dim"].values, found["model.hidden_dim"].log) == ((4, 512), True)
    assert found["feature.normalization"].values == ("minmax", "clip", "band", "training_set", "none")
    assert not found["feature.normalization"].ordered
    assert found["train.learning_rate"].is_range
    assert found["train.epochs"].values == (30,)


def test_a_space_reads_back_from_the_resolved_experiment() -> None:
    space = {"model.hidden_dim": "declared", "model.dropout": {"low": 0.2, "high": 0.4, "step": 0.1}}
    search = {"trials": 2, "space": space, "first": [{"model.dropout": 0.2}], "stopping": {"rule": "asha"}}
    found = parse({**BASE, "search": search}, REGISTRY, "x")
    assert parse(tables(found), REGISTRY, "again") == found


def test_a_searched_model_brings_its_own_parameters_and_shares_those_that_all_have() -> None:
    space = {
        "model.name": {"choice": ["cnn1d_gru", "cnn1d_lstm", "cnn2d_gru"]},
        "model.dropout": {"choice": [0.1, 0.3]},
        "model.cnn2d_gru.hidden_dim": {"choice": [8, 16]},
    }
    found = {p.name: p for p in resolved(space)}
    assert (found["model.cnn2d_gru.hidden_dim"].parent, found["model.dropout"].parent) == ("model.name", "")
    assert len(list(every_setting(list(found.values())))) == 2 * 2 + 2 * 2
    experiment = parse(BASE, REGISTRY, "x")
    recipe = experiment.recipe(experiment.candidate[0])
    chosen = {"model.name": "cnn2d_gru", "model.cnn2d_gru.hidden_dim": 8, "model.dropout": 0.1}
    model = with_values(recipe, chosen, REGISTRY).model
    assert (model.name, model.params.hidden_dim, model.params.dropout) == ("cnn2d_gru", 8, 0.1)


def test_a_searched_scheduler_stands_alone_or_not_at_all() -> None:
    experiment = parse({**BASE, "scheduler": [{"name": "step_lr"}, {"name": "cosine"}]}, REGISTRY, "x")
    recipe = experiment.recipe(experiment.candidate[0])
    assert with_values(recipe, {"scheduler.name": "none"}, REGISTRY).scheduler == ()
    [chosen] = with_values(recipe, {"scheduler.name": "exponential"}, REGISTRY).scheduler
    assert chosen.name == "exponential"


@given(st.integers(-50, 50), st.integers(1, 40), st.integers(1, 200))
@example(-35, 35, 1)  # -0.35 + 35 * 0.01 is 5.6e-17
def test_steps_end_at_high_without_the_dust_of_binary_fractions(low: int, count: int, step: int) -> None:
    values = stepped(low / 100, (low + count * step) / 100, step / 100)
    assert values == [float(f"{(low + i * step) / 100:.12g}") for i in range(count + 1)]


@given(
    st.dictionaries(st.sampled_from(["a", "b.c", "d"]), st.integers(-9, 9).filter(bool), min_size=1),
    st.integers(-9, 9),
    st.booleans(),
)
def test_an_inequality_says_what_its_text_says(terms: dict[str, int], bound: int, above: bool) -> None:
    text = " + ".join(f"{c} * {name}" for name, c in terms.items())
    read = inequality(f"{text} {'>=' if above else '<='} {bound} + 2 * (1 - 1)")
    sign = -1 if above else 1
    assert read.terms == {name: sign * c for name, c in terms.items()}
    for value in (-3.0, 0.0, 2.5):
        total = sum(c * value for c in terms.values())
        assert read.holds(dict.fromkeys(terms, value)) == (total >= bound if above else total <= bound)


@given(st.lists(st.integers(1, 20), min_size=2, max_size=4, unique=True), st.integers(-10, 60))
def test_what_can_be_satisfied_is_found_out_as_by_trying_everything(values: list[int], bound: int) -> None:
    space = [Parameter("a", int, tuple(values)), Parameter("b", int, tuple(values))]
    read = [inequality(f"a + 2*b <= {bound}"), inequality("a >= b + 1")]
    tried = any(all(i.holds(s) for i in read) for s in every_setting(space))
    assert satisfiable(space, read) == tried
