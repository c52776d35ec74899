from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from genrelab.config.choices import tables
from genrelab.config.files import load, parse
from genrelab.config.overrides import override_value
from genrelab.config.space import parameters, with_values
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry

REGISTRY = Registry.discover()
BASE: dict[str, Any] = {
    "name": "x",
    "dataset": {"name": "synthetic"},
    "feature": {"name": "log_mel"},
    "model": {"name": "cnn1d_gru"},
}


def problems(**changed: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse({**BASE, **changed}, REGISTRY, "x.toml")
    first, *rest = str(caught.value).splitlines()
    return [line.strip() for line in rest] if rest else [first.removeprefix("x.toml: ")]


def test_the_least_that_is_an_experiment_has_defaults_for_the_rest() -> None:
    found = parse(BASE, REGISTRY, "x.toml")
    assert [c.name for c in found.candidate] == ["cnn1d_gru"]
    assert found.train.batch_size == 32
    assert [r.name for r in found.reporter] == ["console", "aim"]
    assert found.executor.name == "local"


def test_all_problems_are_told_at_once_each_with_its_path_and_a_guess() -> None:
    wrong = {
        "feature": {"name": "log_mel", "n_mel": 64},
        "augment": [{"name": "spec_mask", "freq_width": "12"}],
        "train": {"epochs": 3.7, "batch_size": True, "learning_rate": 7.0},
        "scheduler": [{"name": "step_lr"}, {"name": "stepp_lr"}],
        "searhc": {},
    }
    found = problems(**wrong)
    assert "feature.n_mel: unknown key (did you mean 'n_mels'?)" in found
    assert "augment[0].freq_width: expected integer, got '12' (string)" in found
    assert "train.epochs: expected integer, got 3.7 (float)" in found
    assert "train.batch_size: expected integer, got True (boolean)" in found
    assert "train.learning_rate: 7.0 is outside 1e-06..1.0 (log)" in found
    assert "scheduler[1].name: no scheduler is called 'stepp_lr' (did you mean 'step_lr'?)" in found
    assert "searhc: unknown key (did you mean 'search'?)" in found
    assert len(found) == 7


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "a/b"}, "name: 'a/b' must be letters"),
        ({"name": 3}, "name: expected string, got 3 (integer)"),
        ({"model": {}}, "model.name: is required, but missing"),
        ({"model": "cnn1d_gru"}, "model: expected table, got 'cnn1d_gru' (string)"),
        ({"augment": {"name": "spec_mask"}}, "augment: expected array, got table"),
        ({"final": {"seeds": "12"}}, "final.seeds: expected array, got '12' (string)"),
        ({"final": {"seeds": []}}, "final.seeds: expected at least one seed"),
        ({"final": {"seeds": [1, 1]}}, "final.seeds: expected at least one seed, each once"),
        ({"split": {"folds": 5, "fold": 6}}, "split.fold: 6 is beyond folds = 5"),
        ({"split": {"fold": 2}}, "split.fold: 2 is beyond folds = 0"),
        ({"split": {"folds": 1}}, "split.folds: is 1: with one fold there is nothing to learn from"),
        ({"split": {"folds": 5, "by": "official"}}, 'split.folds: does not go with by = "official"'),
        ({"split": {"train": 0.5}}, "split: train + validation + test is 0.7, not 1"),
        ({"split": {"by": "album"}}, "split.by: 'album' is not one of 'auto'"),
        ({"search": {"trials": 3}}, "search.space: is empty"),
        ({"search": {"trials": -1}}, "search.trials: -1 is outside 0.."),
        ({"scheduler": [{"name": "step_lr"}] * 2}, "'step_lr' is selected 2 times"),
        ({"candidate": []}, "candidate: is empty"),
        ({"candidate": [{"name": "A"}, {"name": "a"}]}, "candidate: 2 candidates are called 'a'"),
        ({"train": {"learning_rate": float("nan")}}, "train.learning_rate: nan is not a finite number"),
    ],
)
def test_what_is_wrong_is_told(changed: dict[str, Any], said: str) -> None:
    assert any(said in line for line in problems(**changed)), problems(**changed)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (
            {"model.dropout": {"low": 0.1, "high": 0.99}},
            "candidate 'a'.space.\"model.dropout\".high: 0.99 is outside 0.0..",
        ),
        ({"model.drop": {"fixed": 0.1}}, "names no parameter (did you mean 'model.dropout'?)"),
        ({"model.num_layers": {"choice": [1, 1.5]}}, "expected integer, got 1.5 (float)"),
        ({"model.num_layers": {"low": 1}}, "a range needs both low and high"),
        ({"model.dropout": {"low": 0.4, "high": 0.1}}, "low: 0.4 is not below high (0.1)"),
        ({"model.dropout": {"low": 0.0, "high": 0.1, "log": True}}, "a logarithmic range needs low > 0"),
        ({"feature.normalization": {"low": 1, "high": 2}}, "a string has no range"),
        ({"model.dropout": {"low": 0.1, "fixed": 0.1}}, "give one of"),
        ({"model.dropout": {}}, "give one of"),
        ({"model.dropout": 0.3}, "expected table, got 0.3 (float)"),
    ],
)
def test_a_wrong_space_is_told_with_the_candidate_by_name(space: dict[str, Any], said: str) -> None:
    found = problems(candidate=[{"name": "a", "space": space}], search={"trials": 2})
    assert any(said in line for line in found), found


def test_a_candidate_replaces_whole_tables_of_the_file_but_of_training_only_what_it_names() -> None:
    changed = {
        "train": {"batch_size": 8, "epochs": 50},
        "model": {"name": "cnn1d_gru", "hidden_dim": 32},
        "candidate": [{"name": "a", "model": {"name": "cnn1d_lstm"}}, {"name": "b", "train": {"epochs": 2}}],
    }
    found = parse({**BASE, **changed}, REGISTRY, "x.toml")
    a, b = (found.recipe(c) for c in found.candidate)
    assert (a.model.name, a.model.params.hidden_dim, a.train) == ("cnn1d_lstm", 64, found.train)
    assert (b.model.name, b.model.params.hidden_dim) == ("cnn1d_gru", 32)
    assert b.train == attrs.evolve(found.train, epochs=2)


def test_a_resolved_experiment_reads_back_as_itself() -> None:
    changed = {
        "augment": [{"name": "spec_mask", "probability": 0.5}],
        "scheduler": [{"name": "step_lr"}, {"name": "reduce_on_plateau"}],
        "search": {"trials": 2, "space": {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}},
        "candidate": [{"name": "a", "space": {"model.num_layers": {"choice": [1, 2]}}}, {"name": "b"}],
    }
    found = parse({**BASE, **changed}, REGISTRY, "x.toml")
    text = tomli_w.dumps(tables(found))
    assert parse(tomllib.loads(text), REGISTRY, "again") == found


@given(st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())))
def test_no_value_is_coerced(value: Any) -> None:
    for key, wanted in (("epochs", int), ("weight_decay", float)):
        try:
            found = getattr(parse({**BASE, "train": {key: value}}, REGISTRY, "x").train, key)
        except InputError:
            continue
        assert type(found) is wanted
        assert type(value) is wanted or (wanted is float and type(value) is int)
        assert found == value


class TestOverrides:
    def changed(self, *texts: str) -> dict[str, Any]:
        data: dict[str, Any] = {"train": {"epochs": 1}, "candidate": [{"name": "a"}, {"name": "b-1"}]}
        for text in texts:
            override_value(data, text)
        return data

    def test_a_value_is_read_as_toml_or_else_as_text(self) -> None:
        data = self.changed("train.epochs=5", "dataset.root=/music/my files", "final.seeds=[1, 2]", "device=cpu")
        assert data["train"] == {"epochs": 5}
        assert data["dataset"] == {"root": "/music/my files"}
        assert data["final"] == {"seeds": [1, 2]}
        assert data["device"] == "cpu"

    def test_a_list_of_tables_is_entered_by_name_or_index(self) -> None:
        data = self.changed(
            "candidate.b-1.train.epochs=2", "candidate.0.name=c", 'search.space."model.dropout".low=0'
        )
        assert data["candidate"] == [{"name": "c"}, {"name": "b-1", "train": {"epochs": 2}}]
        assert data["search"]["space"]["model.dropout"] == {"low": 0}

    @pytest.mark.parametrize(
        "text", ["epochs", "=3", "a b=3", "train.epochs.x=1", "candidate.c.name=1", "candidate=1]"]
    )
    def test_what_cannot_be_set_is_refused_or_taken_as_text(self, text: str) -> None:
        if text == "candidate=1]":
            assert self.changed(text)["candidate"] == "1]"
            return
        with pytest.raises(InputError, match="--set"):
            self.changed(text)

    def test_an_override_is_checked_like_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "x.toml"
        file.write_text(tomli_w.dumps(BASE))
        assert load(file, REGISTRY, ["executor.workers=3"]).executor.params.workers == 3
        with pytest.raises(InputError, match=r"train\.epoch: unknown key \(did you mean 'epochs'\?\)"):
            load(file, REGISTRY, ["train.epoch=5"])


def test_a_recipe_takes_searched_values_of_every_table() -> None:
    changed = {"augment": [{"name": "spec_mask"}], "scheduler": [{"name": "step_lr"}, {"name": "constant"}]}
    experiment = parse({**BASE, **changed}, REGISTRY, "x.toml")
    recipe = experiment.recipe(experiment.candidate[0])
    values: dict[str, Any] = {
        "model.dropout": 0,
        "train.batch_size": 8,
        "feature.n_mels": 64,
        "feature.normalization": "clip",
        "augment.spec_mask.probability": 0.5,
        "augment.spec_mask.freq_width": 4,
        "scheduler.step_lr.gamma": 0.7,
    }
    assert values.keys() <= parameters(recipe, {}, REGISTRY).keys()
    found = with_values(recipe, values, REGISTRY)
    assert (found.model.params.dropout, type(found.model.params.dropout)) == (0.0, float)
    assert (found.train.batch_size, found.feature.params.n_mels, found.feature.normalization) == (8, 64, "clip")
    assert (found.augment[0].probability, found.augment[0].params.freq_width) == (0.5, 4)
    assert (found.scheduler[0].params.gamma, found.scheduler[1]) == (0.7, recipe.scheduler[1])
    assert with_values(recipe, {}, REGISTRY) == recipe
    with pytest.raises(KeyError, match=r"model\.width"):
        with_values(recipe, {"model.width": 3}, REGISTRY)
