"""The chain of augmentations: which clips it reaches, and in what order."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import nn

from genrelab.training import augment
from genrelab.training.augment import Chain


class Add(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.value


class AddInPlace(Add):
    """It has only the change in place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("a copy of clips that nobody else needs")

    def change_(self, x: torch.Tensor) -> torch.Tensor:
        return x.add_(self.value)


@pytest.mark.parametrize("add", [Add, AddInPlace])
@pytest.mark.parametrize("long", [False, True])
def test_each_link_reaches_its_share_of_the_clips_the_chain_reaches(
    monkeypatch: pytest.MonkeyPatch, long: bool, add: type[Add]
) -> None:
    if long:  # so that clips are changed one by one
        monkeypatch.setattr(augment, "_LONG", 0)
    torch.manual_seed(0)
    chain = Chain([(add(1), 0.5), (add(10), 1.0)], probability=0.8)
    y, _ = chain(torch.zeros(20_000, 2, 3), torch.zeros(20_000, 3))
    assert torch.equal(y, y[:, :1, :1].expand_as(y))  # a clip is changed as a whole
    shares = {v: (y[:, 0, 0] == v).float().mean().item() for v in (0, 1, 10, 11)}
    assert shares == pytest.approx({0: 0.2, 1: 0, 10: 0.4, 11: 0.4}, abs=0.02)


def test_long_clips_are_changed_one_by_one_with_draws_of_their_own() -> None:
    class Times(nn.Module):
        calls: ClassVar[list[int]] = []

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls.append(len(x))
            return x * (1 + torch.rand(len(x), 1, 1))

    x = torch.ones(6, 64, 1025)  # 262 kB a clip
    y, _ = Chain([(Times(), 1.0), (Add(1), 1.0)])(x.clone(), torch.zeros(6, 3))
    assert Times.calls == [1] * 6
    assert torch.equal(y, y[:, :1, :1].expand_as(y))
    assert len(y[:, 0, 0].unique()) == 6
    assert 2 <= y.min() < y.max() <= 3
    Times.calls.clear()
    Chain([(Times(), 1.0)])(x[:, :, :100].clone(), torch.zeros(6, 3))
    assert Times.calls == [6]


def test_it_changes_nothing_in_eval_mode() -> None:
    x, y = torch.rand(4, 2, 3), torch.rand(4, 3)
    assert Chain([(Add(1), 1.0)]).eval()(x, y) == (x, y)


def test_clips_and_labels_are_mixed_after_single_clips_are_changed_and_only_for_a_share() -> None:
    class Swap(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x + 100, 1 - y

    torch.manual_seed(0)
    chain = Chain([(Add(1), 1.0)], mixing=[(Swap(), 0.25)])
    x, y = chain(torch.zeros(4000, 2, 3), torch.zeros(4000, 2))
    assert set(x.unique().tolist()) == {1.0, 101.0}
    assert torch.equal(x[:, 0, 0] == 101, y[:, 0] == 1)
    assert y.mean().item() == pytest.approx(0.25, abs=0.03)
