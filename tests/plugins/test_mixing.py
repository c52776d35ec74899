"""mixup and cutmix: clips and labels are mixed by the same share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from genrelab_plugins.augmentations import cutmix, mixup

PLUGINS = {"mixup": mixup, "cutmix": cutmix}
CASES = [("mixup", {}), ("cutmix", {}), ("cutmix", {"along": "time"})]
BATCH, BINS, FRAMES = 64, 10, 20


def build(name: str, **params: Any) -> nn.Module:
    [component] = PLUGINS[name].provide_augmentations()
    assert (component.name, component.domain) == (name, "batch")
    return component.build(component.params(**params))


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Each clip is filled with its number and has a class of its own."""
    torch.manual_seed(0)
    return torch.arange(float(BATCH))[:, None, None].expand(BATCH, BINS, FRAMES).clone(), torch.eye(BATCH)


@pytest.mark.parametrize(("name", "params"), CASES)
def test_a_label_says_how_much_of_each_clip_is_there(name: str, params: Any, batch: Any) -> None:
    x, y = build(name, **params, alpha=1.0)(*batch)
    numbers = torch.arange(float(BATCH))
    torch.testing.assert_close(y.sum(1), torch.ones(BATCH))
    torch.testing.assert_close(x.mean((1, 2)), y @ numbers)
    assert ((y > 0).sum(1) <= 2).all()
    assert ((y.diagonal() > 0.01) & (y.diagonal() < 0.99)).sum() > BATCH / 2


@pytest.mark.parametrize(("name", "params"), CASES)
def test_eval_is_the_identity_and_the_seed_decides(name: str, params: Any, batch: Any) -> None:
    module = build(name, **params)
    before = [t.clone() for t in batch]
    assert module.eval()(*batch) == batch
    module.train()
    torch.manual_seed(3)
    first = module(*batch)
    torch.manual_seed(3)
    again = module(*batch)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(batch, before, strict=True))


def test_the_shares_of_mixup_are_those_of_the_beta_distribution() -> None:
    torch.manual_seed(0)
    y = torch.zeros(20_000, 2)
    y[::2, 0], y[1::2, 1] = 1, 1
    x = y[:, :1, None].expand(-1, 2, 2)
    mixed, _ = build("mixup", alpha=0.5)(x, y)
    between = mixed[:, 0, 0][(mixed[:, 0, 0] > 0) & (mixed[:, 0, 0] < 1)]
    assert between.mean().item() == pytest.approx(0.5, abs=0.02)
    assert between.var().item() == pytest.approx(1 / (4 * (2 * 0.5 + 1)), abs=0.01)


def test_cutmix_along_time_cuts_whole_frames(batch: Any) -> None:
    x, _ = build("cutmix", along="time", alpha=1.0)(*batch)
    assert torch.equal(x, x[:, :1].expand_as(x))
    both, _ = build("cutmix", alpha=1.0)(*batch)
    assert not torch.equal(both, both[:, :1].expand_as(both))
