"""The schedules: alone, together on one optimizer, and gone on with."""

import itertools

import pytest
import torch

from genrelab import Steps
from genrelab_plugins.schedulers import constant, reduce_on_plateau, step_lr

PLUGINS = {"constant": constant, "step_lr": step_lr, "reduce_on_plateau": reduce_on_plateau}
FALLING = [1.0 - 0.01 * i for i in range(20)]
FLAT = [1.0] * 20
STEP = ("step_lr", {"step_size": 5, "gamma": 0.5})
PLATEAU = ("reduce_on_plateau", {"factor": 0.7, "patience": 2})


def training(*wanted):
    """Return an optimizer at 0.1 and (schedule, when it steps) of each wanted (name, params)."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedules = []
    for name, params in wanted:
        [component] = PLUGINS[name].provide_schedulers()
        assert component.name == name
        built = component.build(component.params(**params), optimizer, Steps(per_epoch=3, epochs=20))
        schedules.append((built, component.when))
    return optimizer, schedules


def epochs(optimizer, schedules, losses):
    """Return the learning rate of each epoch."""
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for schedule, when in schedules:
            schedule.step(loss) if when == "monitored" else schedule.step()
    return rates


def test_constant_stays():
    assert epochs(*training(("constant", {})), FLAT) == [0.1] * 20


def test_step_lr_falls_every_few_epochs():
    rates = epochs(*training(STEP), FALLING)
    assert rates == pytest.approx([0.1 * 0.5 ** (epoch // 5) for epoch in range(20)])


def test_reduce_on_plateau_falls_when_patience_is_over():
    rates = epochs(*training(PLATEAU), FLAT)
    # The first loss is the best; three more without improvement are one too many.
    assert rates == pytest.approx([0.1] * 4 + [0.1 * 0.7 ** (1 + i // 3) for i in range(16)])
    assert epochs(*training(PLATEAU), FALLING) == [0.1] * 20


def test_the_threshold_is_absolute_by_default():
    slowly = [1e-3 * 0.99**i for i in range(8)]  # one percent an epoch, but less than 1e-4
    assert epochs(*training(PLATEAU), slowly)[-1] < 0.1
    relative = (PLATEAU[0], PLATEAU[1] | {"threshold_mode": "rel"})
    assert epochs(*training(relative), slowly)[-1] == 0.1


def test_reduce_on_plateau_stops_at_min_lr():
    floor = ("reduce_on_plateau", {"factor": 0.1, "patience": 0, "min_lr": 0.02})
    assert epochs(*training(floor), FLAT)[-1] == 0.02


@pytest.mark.parametrize("order", list(itertools.permutations([STEP, PLATEAU, ("constant", {})])))
def test_schedules_on_one_optimizer_multiply(order):
    together = epochs(*training(*order), FLAT)
    steps, plateau = epochs(*training(STEP), FLAT), epochs(*training(PLATEAU), FLAT)
    assert together == pytest.approx([a * b / 0.1 for a, b in zip(steps, plateau, strict=True)])


@pytest.mark.parametrize("stop", [1, 5, 7])
def test_a_training_gone_on_with_has_the_same_rates(stop):
    wanted = [STEP, PLATEAU, ("constant", {})]
    undisturbed = epochs(*training(*wanted), FLAT)
    optimizer, schedules = training(*wanted)
    rates = epochs(optimizer, schedules, FLAT[:stop])
    resumed, fresh = training(*wanted)
    resumed.load_state_dict(optimizer.state_dict())
    for (new, _), (old, _) in zip(fresh, schedules, strict=True):
        new.load_state_dict(old.state_dict())
    assert rates + epochs(resumed, fresh, FLAT[stop:]) == undisturbed
