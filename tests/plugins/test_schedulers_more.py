"""The schedules beside the study's, each against torch or the formula of its paper."""

from __future__ import annotations

import math
from importlib import import_module

import pytest
import torch
from torch.optim import lr_scheduler

from genrelab import Steps
from genrelab_plugins.schedulers.multistep import Params as Multistep

PEAK = 0.1
STEPS = Steps(per_epoch=5, epochs=20)


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)


def walked(sgd: torch.optim.Optimizer, schedule, count: int) -> list[float]:
    rates = []
    for _ in range(count):
        rates.append(sgd.param_groups[0]["lr"])
        sgd.step()
        schedule.step()
    return rates


def rates(name: str, steps: Steps = STEPS, **chosen) -> list[float]:
    """Return the rate before each step of the schedule: of each batch, or of each epoch."""
    plugin = import_module(f"genrelab_plugins.schedulers.{name}")
    [component] = plugin.provide_schedulers()
    sgd = optimizer()
    schedule = component.build(plugin.Params(**chosen), sgd, steps)
    return walked(sgd, schedule, steps.total if component.when == "batch" else steps.epochs)


def torchs(make, count: int) -> list[float]:
    sgd = optimizer()
    return walked(sgd, make(sgd), count)


def test_multistep_falls_at_shares_of_the_training():
    assert rates("multistep") == pytest.approx([0.1] * 10 + [0.01] * 5 + [0.001] * 5)
    assert rates("multistep", milestones=(0.9, 0.3), gamma=0.5) == pytest.approx(
        [0.1] * 6 + [0.05] * 12 + [0.025] * 2
    )


def test_multistep_keeps_the_rate_in_the_first_epoch():
    assert rates("multistep", Steps(5, 3), milestones=(0.01,)) == pytest.approx([0.1, 0.01, 0.01])


@pytest.mark.parametrize("share", [0.0, 1.0, 30.0, -0.5, math.nan])
def test_a_milestone_that_is_no_share_is_an_error(share):
    with pytest.raises(ValueError, match=f"milestones: {share:g} is not between 0 and 1, a share of the training"):
        Multistep(milestones=(0.5, share))


def test_exponential_falls_each_epoch():
    assert rates("exponential", gamma=0.9) == pytest.approx([PEAK * 0.9**epoch for epoch in range(20)])


@pytest.mark.parametrize("power", [0.2, 0.9, 1.0, 4.0])
def test_polynomial_is_a_power_of_what_is_left(power):
    expected = [PEAK * (1 - step / 100) ** power for step in range(100)]
    assert rates("polynomial", power=power) == pytest.approx(expected)


def test_cosine_without_a_rise_equals_torch():
    expected = torchs(lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, 100, eta_min=0.01), 100)
    assert rates("cosine", warmup=0.0, final=0.1) == pytest.approx(expected)


def test_cosine_rises_then_equals_torch():
    found = rates("cosine", warmup=0.1)
    assert found[:10] == pytest.approx([PEAK * step / 11 for step in range(1, 11)])
    assert found[10:] == pytest.approx(torchs(lambda sgd: lr_scheduler.CosineAnnealingLR(sgd, 90), 90))


def test_inverse_sqrt_is_that_of_the_paper():
    # Vaswani et al., equation 3, counted from step 1 and scaled to its peak at the end of the rise.
    rise = 11
    expected = [PEAK * rise**0.5 * min(n**-0.5, n * rise**-1.5) for n in range(1, 101)]
    assert rates("inverse_sqrt", warmup=0.1) == pytest.approx(expected)


def test_one_cycle_rises_to_the_rate_and_falls_to_nearly_nothing():
    found = rates("one_cycle", pct_start=0.25, div_factor=10.0, final_div_factor=100.0)
    assert found[0] == pytest.approx(PEAK / 10)
    assert max(found) == found[24] == pytest.approx(PEAK)
    assert found[-1] == pytest.approx(PEAK / 10 / 100)
    assert found == sorted(found[:25]) + sorted(found[25:], reverse=True)


@pytest.mark.parametrize("pct_start", [0.05, 0.1, 0.25, 0.5])
def test_one_cycle_has_rates_for_trainings_of_any_length(pct_start):
    for total in range(1, 41):
        found = rates("one_cycle", Steps(1, total), pct_start=pct_start)
        assert 0 < min(found) <= max(found) <= PEAK + 1e-9


def test_one_cycle_leaves_momentum_alone():
    plugin = import_module("genrelab_plugins.schedulers.one_cycle")
    adam = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], betas=(0.8, 0.99))
    plugin.build(plugin.Params(), adam, STEPS)
    assert adam.param_groups[0]["betas"] == (0.8, 0.99)


@pytest.mark.parametrize("growth", [1, 2, 3])
def test_warm_restarts_are_those_of_the_paper(growth):
    found = rates("warm_restarts", first_epochs=2, growth=growth)
    expected, length = [], 10
    while len(expected) < 100:
        expected += [PEAK * (1 + math.cos(math.pi * step / length)) / 2 for step in range(length)]
        length *= growth
    assert found == pytest.approx(expected[:100])
