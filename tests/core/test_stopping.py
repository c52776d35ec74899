"""Rules that end a trial early: decided from curves alone, and the percentile rule as Ax has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from genrelab.config.search import Stopping
from genrelab.study.search.stopping import Curve, bounds
from genrelab.training.stop import Stop

EPOCHS = 12
FALLING = [1.0 - 0.05 * e for e in range(EPOCHS)]


def curves(count: int = 9) -> list[list[float]]:
    random = np.random.default_rng(4)
    return [
        (2 * random.random() + np.exp(-np.arange(EPOCHS) / 4) + 0.05 * random.random(EPOCHS)).tolist()
        for _ in range(count)
    ]


def history(values: list[float], metric: str = "loss") -> list[dict[str, Any]]:
    return [{"validation": {metric: v}} for v in values]


def ends_at(found: Stop, values: list[float]) -> int:
    """Epoch after which a trial ends."""
    for epoch in range(1, len(values) + 1):
        if found.is_due(history(values[:epoch], found.metric)):
            return epoch
    return len(values)


@pytest.mark.parametrize("percentile", [25.0, 50.0])
def test_the_percentile_rule_decides_as_ax_does(percentile: float) -> None:
    """Ax looks at the value of an epoch, we at the best so far; on curves that only fall both are the same."""
    ax = pytest.importorskip("ax.api.client")
    from ax.early_stopping.strategies import PercentileEarlyStoppingStrategy

    from genrelab.study.search.ax.ask import quiet

    falling = [np.minimum.accumulate(c).tolist() for c in curves(10)]
    rule = Stopping(rule="percentile", percentile=percentile, min_epochs=3, min_trials=4)
    with quiet():
        client = ax.Client()
        client.configure_experiment(name="x", parameters=[ax_range()])
        client.configure_optimization(objective="-loss")
        client.set_early_stopping_strategy(
            PercentileEarlyStoppingStrategy(percentile_threshold=percentile, min_progression=3, min_curves=4)
        )
        for i, curve in enumerate(falling):
            trial = client.attach_trial({"a": i / 10})
            known = [Curve(c, to_the_end=True) for c in falling[:i]]
            mine = Stop("loss", maximize=False, bounds=bounds(rule, "loss", known, EPOCHS))
            for epoch, value in enumerate(curve, 1):
                client.attach_data(trial, {"loss": value}, progression=epoch)
                theirs = epoch < EPOCHS and client.should_stop_trial_early(trial)
                assert theirs == (epoch < EPOCHS and mine.is_due(history(curve[:epoch]))), (i, epoch)
            client.complete_trial(trial)


def ax_range() -> Any:
    from ax.api.configs import RangeParameterConfig

    return RangeParameterConfig(name="a", bounds=(0.0, 1.0), parameter_type="float")


def test_a_rule_spares_the_first_epochs_and_trials() -> None:
    known = [Curve(FALLING, to_the_end=True)] * 4
    few = bounds(Stopping(rule="percentile"), "loss", known, EPOCHS)
    assert few == (None,) * EPOCHS
    enough = bounds(Stopping(rule="percentile"), "loss", [*known, known[0]], EPOCHS)
    assert enough[:4] == (None,) * 4
    assert None not in enough[4:]


def test_trials_that_were_stopped_count_as_far_as_they_came_but_not_as_ended() -> None:
    rule = Stopping(rule="percentile", min_trials=1, min_epochs=1)
    known = [Curve([3.0, 3.0], to_the_end=False), Curve([1.0] * EPOCHS, to_the_end=True)]
    assert bounds(rule, "loss", known, 3) == (3.0, 3.0, 1.0)
    assert bounds(rule, "loss", known[:1], 3) == (None, None, None)


def test_a_trial_that_ended_by_itself_stays_at_its_best() -> None:
    rule = Stopping(rule="percentile", min_trials=1, min_epochs=1)
    assert bounds(rule, "f1_macro", [Curve([0.2, 0.5, 0.4], to_the_end=True)], 5) == (0.2, 0.5, 0.5, 0.5, 0.5)


def test_successive_halving_lets_one_of_three_go_on_at_each_rung() -> None:
    rule = Stopping(rule="asha", min_epochs=2, reduction=3)
    levels = [5.0, 4.0, 3.0, 2.0, 1.0]
    known = [Curve([v] * EPOCHS, to_the_end=True) for v in levels]
    found = bounds(rule, "loss", known, EPOCHS)
    assert [e for e, bound in enumerate(found, 1) if bound is not None] == [2, 6]
    stop = Stop("loss", maximize=False, bounds=found)
    assert ends_at(stop, [2.5] * EPOCHS) == 2
    assert ends_at(stop, [1.5] * EPOCHS) == EPOCHS  # the second of six: two go on
    assert ends_at(stop, [1.5, 1.5, 9.0, 9.0, 9.0, 9.0, 9.0]) == 7  # the best so far counts


def test_what_is_better_follows_from_the_metric() -> None:
    rule = Stopping(rule="percentile", min_trials=1, min_epochs=1)
    found = bounds(rule, "accuracy", [Curve([0.5] * EPOCHS, to_the_end=True)], EPOCHS)
    stop = Stop("accuracy", maximize=True, bounds=found)
    assert ends_at(stop, [0.4] * EPOCHS) == 1
    assert ends_at(stop, [0.6] * EPOCHS) == EPOCHS
