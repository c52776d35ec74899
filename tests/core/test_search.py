from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from genrelab.config.experiment import Dimension, Space
from genrelab.config.files import parse
from genrelab.plugins.registry import Registry
from genrelab.study.search import Search, Settings

SPACE: Space = {
    "train.learning_rate": Dimension(low=1e-4, high=1e-1, log=True),
    "model.dropout": Dimension(choice=(0.1, 0.3, 0.5)),
    "feature.normalization": Dimension(choice=("minmax", "clip", "none")),
    "train.epochs": Dimension(fixed=5),
}
EXPERIMENT = parse(
    {
        "name": "x",
        "dataset": {"name": "synthetic"},
        "feature": {"name": "log_mel"},
        "model": {"name": "cnn1d_gru"},
    },
    Registry.discover(),
    "x",
)


def search(folder: Path, **changed: Any) -> Search:
    given: dict[str, Any] = {"space": SPACE, "maximize": False, "parallel": 1, "seed": 3, **changed}
    return Search(folder / "search.json", recipe=EXPERIMENT.recipe(EXPERIMENT.candidate[0]), **given)


def loss(settings: Settings) -> float:
    rate, dropout = settings["train.learning_rate"], settings["model.dropout"]
    assert isinstance(rate, float)
    assert isinstance(dropout, float)
    return abs(rate - 3e-3) * 10 + abs(dropout - 0.3)


def propose(
    folder: Path, trials: int, *, anew: bool, failing: tuple[int, ...] = (), **changed: Any
) -> list[Settings]:
    """Run a search; anew: as if the process had been killed before every proposal."""
    found, results = search(folder, **changed), []
    for number in range(trials):
        found = search(folder, **changed) if anew else found
        settings = found.propose(results)
        if settings is None:
            break
        results.append(None if number in failing else loss(settings))
    return found.proposals


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_search_that_is_killed_goes_on_with_the_same_proposals(tmp_path: Path, parallel: int) -> None:
    (tmp_path / "a").mkdir()
    undisturbed = propose(tmp_path / "a", 8, anew=False, parallel=parallel)
    assert propose(tmp_path / "b", 8, anew=True, parallel=parallel) == undisturbed
    assert len(undisturbed) == 8


def test_proposals_are_within_the_space_and_of_the_right_type(tmp_path: Path) -> None:
    for settings in propose(tmp_path, 7, anew=False):
        assert settings.keys() == SPACE.keys()
        rate = settings["train.learning_rate"]
        assert isinstance(rate, float)
        assert 1e-4 <= rate <= 1e-1
        assert settings["model.dropout"] in (0.1, 0.3, 0.5)
        assert settings["feature.normalization"] in ("minmax", "clip", "none")
        assert settings["train.epochs"] == 5


def test_a_trial_in_flight_is_not_waited_for_beyond_what_parallel_allows(tmp_path: Path) -> None:
    found = search(tmp_path, parallel=2)
    assert found.may_propose(0)
    found.propose([])
    assert found.may_propose(0)
    found.propose([])
    assert not found.may_propose(0)
    assert found.may_propose(1)


def test_a_failed_trial_is_not_proposed_again(tmp_path: Path) -> None:
    few: Space = {
        "model.dropout": Dimension(choice=(0.1, 0.2, 0.3, 0.4, 0.5)),
        "train.batch_size": Dimension(choice=(8, 16)),
    }
    found, results = search(tmp_path, space=few), []
    while len(results) < 10 and (settings := found.propose(results)) is not None:
        results.append(None if settings["train.batch_size"] == 8 else float(settings["model.dropout"]))
    assert results.count(None) <= 5
    seen = [tuple(s.items()) for s in found.proposals]
    assert len(set(seen)) == len(seen)


def test_a_space_that_is_exhausted_ends_the_search(tmp_path: Path) -> None:
    tiny: Space = {"model.num_layers": Dimension(choice=(1, 2))}
    found, results = search(tmp_path, space=tiny), []
    while (settings := found.propose(results)) is not None:
        results.append(float(settings["model.num_layers"]))
        assert len(results) <= 2
    assert sorted(s["model.num_layers"] for s in found.proposals) == [1, 2]


def test_the_model_goes_where_the_objective_is_better(tmp_path: Path) -> None:
    space: Space = {"model.dropout": Dimension(low=0.0, high=0.6)}
    for maximize, better in ((True, 0.6), (False, 0.0)):
        found, results = search(tmp_path / str(maximize), space=space, maximize=maximize), []
        for _ in range(8):
            settings = found.propose(results)
            assert settings is not None
            results.append(float(settings["model.dropout"]))
        assert min(abs(float(s["model.dropout"]) - better) for s in found.proposals[5:]) < 0.1
