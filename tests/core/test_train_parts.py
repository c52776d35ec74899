"""Optimizers, averaged weights, precision, compilation and the single step."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train
from genrelab.errors import InputError
from genrelab.training.losses import make_loss
from genrelab.training.optimizers import make_average, make_optimizer
from genrelab.training.precision import Precision, compile_model
from genrelab.training.step import Step

CPU = torch.device("cpu")
COUNTS = torch.tensor([4, 4, 4])


def make_model(norm: bool = False) -> nn.Module:
    torch.manual_seed(0)
    middle = nn.BatchNorm1d(8) if norm else nn.Tanh()
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), middle, nn.Linear(8, 3))


def make_step(model: nn.Module, settings: Train, average: Any = None) -> Step:
    optimizer = make_optimizer(model, settings)
    return Step(model, optimizer, [], average, make_loss(settings, COUNTS), Precision(settings, CPU), settings)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(12, 3, 4), F.one_hot(torch.arange(12) % 3, 3).float()


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("adam", lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1)),
        ("adamw", lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
        ("sgd", lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True, weight_decay=0.1)),
        ("radam", lambda p: torch.optim.RAdam(p, 0.01, weight_decay=0.1, decoupled_weight_decay=True)),
    ],
)
def test_a_step_is_what_a_bare_loop_does(name: str, reference: Any, batch: Any) -> None:
    ours, bare = make_model(), make_model()
    step = make_step(ours, Train(optimizer=name, learning_rate=0.01, weight_decay=0.1, batch_size=12))
    optimizer, (x, y) = reference(bare.parameters()), batch
    for _ in range(7):
        total = step(x, y)
        loss = F.cross_entropy(bare(x), y)
        assert total.item() / 12 == pytest.approx(loss.item(), rel=1e-5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for a, b in zip(ours.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_sgd_without_momentum_is_possible() -> None:
    make_optimizer(make_model(), Train(optimizer="sgd", momentum=0.0))


def test_biases_and_normalisation_do_not_decay_where_they_are_left_out(batch: Any) -> None:
    model = make_model(norm=True)
    optimizer = make_optimizer(model, Train(decay_biases=False, weight_decay=0.5))
    decay = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert {n: decay[id(p)] for n, p in model.named_parameters()} == {
        "1.weight": 0.5, "1.bias": 0.0, "2.weight": 0.0, "2.bias": 0.0, "3.weight": 0.5, "3.bias": 0.0,
    }  # fmt: skip
    everything = make_optimizer(model, Train(weight_decay=0.5))
    assert [g["weight_decay"] for g in everything.param_groups] == [0.5]


@pytest.mark.parametrize("size", [1, 5, 12, 100])
def test_micro_batches_give_the_gradient_of_the_whole_batch(size: int, batch: Any) -> None:
    whole, parts = make_model(), make_model()
    settings = Train(batch_size=12, class_weights="inverse", label_smoothing=0.1)
    a = make_step(whole, settings)(*batch)
    b = make_step(parts, attrs.evolve(settings, micro_batch=size))(*batch)
    torch.testing.assert_close(a, b)
    for p, q in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_gradients_are_clipped_to_a_norm(batch: Any) -> None:
    model = make_model()
    make_step(model, Train(batch_size=12, clip_norm=0.01))(*batch)
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)


def test_averaged_weights_and_batch_statistics_follow_those_of_the_model(batch: Any) -> None:
    model = make_model(norm=True)
    average = make_average(model, 0.8, CPU)
    assert average is not None
    step = make_step(model, Train(batch_size=12, learning_rate=0.1), average)
    step(*batch)
    wanted = {n: t.clone() for n, t in model.state_dict().items()}  # the first step is where it starts
    for _ in range(3):
        step(*batch)
        for name, now in model.state_dict().items():
            if now.is_floating_point():
                wanted[name] = 0.8 * wanted[name] + 0.2 * now
    found = average.module.state_dict()
    for name in ("1.weight", "2.running_mean", "2.running_var", "3.bias"):
        torch.testing.assert_close(found[name], wanted[name])
    assert make_average(model, 0.0, CPU) is None


def test_bfloat16_changes_the_forward_pass_and_leaves_weights_and_loss_in_float32(batch: Any) -> None:
    model, exact = make_model(), make_model()
    total = make_step(model, Train(batch_size=12, precision="bfloat16"))(*batch)
    wanted = make_step(exact, Train(batch_size=12))(*batch)
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(wanted.item(), rel=0.02)
    assert total.item() != wanted.item()
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_float16_is_refused_where_gradients_cannot_be_scaled() -> None:
    with pytest.raises(InputError, match=r"train\.precision: float16 needs a CUDA device, not cpu"):
        Precision(Train(precision="float16"), CPU)


def test_a_model_that_cannot_be_compiled_is_trained_as_it_is_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(self: nn.Module) -> None:
        raise RuntimeError("no compiler\nat all")

    monkeypatch.setattr(nn.Module, "compile", fail)
    model = make_model(norm=True)
    before = copy.deepcopy(model.state_dict())
    compile_model(model, (3, 4), CPU)
    assert capsys.readouterr().err == "warning: trains without torch.compile: RuntimeError: no compiler\n"
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())


def test_a_model_is_compiled_only_after_a_copy_has_gone_through_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiled.append(self))
    model = make_model()
    compile_model(model, (3, 4), CPU)
    assert len(compiled) == 2
    assert compiled[0] is not model
    assert compiled[1] is model
    assert all(p.grad is None for p in model.parameters())
