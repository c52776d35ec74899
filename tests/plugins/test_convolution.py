"""The convolution whose weights learn faster computes what torch's does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from genrelab_plugins.models import _convolution


def pictures(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64).contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what will hold the kernel of each gradient that is made of products: on any CPU, of any channels."""
    torch.manual_seed(0)
    found: list[int] = []
    made = _convolution.weight_gradient

    def watched(x: Tensor, gradient: Tensor, kernel: int) -> Tensor:
        found.append(kernel)
        return made(x, gradient, kernel)

    monkeypatch.setattr(_convolution, "weight_gradient", watched)
    monkeypatch.setattr(_convolution, "_FEWEST", 1)
    monkeypatch.setattr(_convolution, "_SLOW", True)
    return found


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("shape", [(2, 3, 7, 6), (1, 1, 5, 9), (3, 4, 1, 1), (2, 2, 1, 8), (1, 5, 2, 3)])
def test_outputs_and_gradients_are_those_of_torch(fast: list[int], shape: tuple[int, ...], kernel: int) -> None:
    x = pictures(*shape)
    ours = _convolution.Conv2d(shape[1], 6, kernel).double()
    plain = nn.Conv2d(shape[1], 6, kernel, padding=kernel // 2).double()
    plain.load_state_dict(ours.state_dict())
    found = ours(x)
    assert torch.equal(found, plain(x))
    wanted = torch.rand_like(found)
    for of_ours, of_plain in zip(
        torch.autograd.grad(found, [x, *ours.parameters()], wanted),
        torch.autograd.grad(plain(x), [x, *plain.parameters()], wanted),
        strict=True,
    ):
        torch.testing.assert_close(of_ours, of_plain, rtol=1e-10, atol=1e-12)
    assert fast == [kernel]


def test_many_channels_learn_so_where_torch_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_convolution, "_SLOW", True)
    torch.manual_seed(0)
    layer = _convolution.Conv2d(64, 32, 3)
    x = torch.randn(2, 64, 9, 8).contiguous(memory_format=torch.channels_last)
    found = layer(x)
    assert "_Convolution" in type(found.grad_fn).__name__
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, padding=1)
    gradients = (torch.autograd.grad(y.square().mean(), [*layer.parameters()]) for y in (found, plain))
    for ours, torchs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-7)


def test_gradients_are_those_of_finite_differences(fast: list[int]) -> None:
    layer = _convolution.Conv2d(2, 3, 3).double()
    assert torch.autograd.gradcheck(layer, pictures(2, 2, 4, 3))
    assert fast


def test_what_does_not_learn_gets_no_gradient(fast: list[int]) -> None:
    layer = _convolution.Conv2d(2, 3, 3).double().requires_grad_(requires_grad=False)
    x = pictures(2, 2, 4, 3)
    layer(x).sum().backward()
    assert (x.grad is not None, layer.weight.grad) == (True, None)
    assert not fast
    layer.requires_grad_()(x.detach()).sum().backward()
    assert layer.weight.grad is not None
    assert fast == [3]


@pytest.mark.parametrize("case", ["eval", "few channels", "channels first", "autocast", "bfloat16", "fast"])
def test_anything_else_is_left_to_torch(fast: list[int], case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = _convolution.Conv2d(2, 3, 3).train(case != "eval")
    x = torch.rand(2, 2, 4, 3).contiguous(memory_format=torch.channels_last)
    if case == "few channels":
        monkeypatch.setattr(_convolution, "_FEWEST", 3)
    monkeypatch.setattr(_convolution, "_SLOW", case != "fast")
    if case == "bfloat16":
        layer, x = layer.bfloat16(), x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=case == "autocast"):
        y = layer(x.contiguous() if case == "channels first" else x)
    y.sum().backward()
    assert layer.weight.grad is not None
    assert not fast
