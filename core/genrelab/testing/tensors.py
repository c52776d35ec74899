"""What the checks of several kinds ask of tensors and modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from genrelab.testing.checks import require

T = TypeVar("T")
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


def seeded(seed: int, make: Callable[..., T], *args: Any) -> T:
    """Call a function with torch's generator at a seed."""
    torch.manual_seed(seed)
    return make(*args)


def noise(*size: int, seed: int = 0) -> Tensor:
    """Return values uniform in 0..1, the same every time."""
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed))


def backward(loss: Tensor) -> None:
    """Compute the gradients of a loss."""
    loss.backward()  # type: ignore[no-untyped-call]


def require_module(made: Any) -> None:
    """Require that `build` returns a module."""
    require(
        isinstance(made, nn.Module), f"build returns {type(made).__name__}", "return a torch.nn.Module from build"
    )


def require_shape(y: Any, shape: tuple[int, ...], where: str, fix: str) -> None:
    """Require a float32 tensor of a shape."""
    require(isinstance(y, Tensor), f"gives {type(y).__name__} for {where}", "return one tensor")
    require(tuple(y.shape) == shape, f"gives {tuple(y.shape)} for {where}, not {shape}", fix)
    require(
        y.dtype == torch.float32, f"gives {y.dtype} for {where}", "compute in the input's type, here torch.float32"
    )


def require_finite(y: Tensor, where: str, fix: str) -> None:
    """Require that no value is NaN or infinite."""
    count = int((~torch.isfinite(y)).sum())
    require(count == 0, f"{count} of {y.numel()} values are not finite for {where}", fix)


def require_equal(a: Tensor, b: Tensor, what: str, fix: str, *, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Require that two tensors are equal, within a tolerance."""
    same = a.shape == b.shape and torch.allclose(a, b, rtol=rtol, atol=atol)
    far = f" (by up to {float((a - b).abs().max()):.2g})" if a.shape == b.shape and not same else ""
    require(same, what + far, fix)


def require_untouched(x: Tensor, before: Tensor) -> None:
    """Require that an input is what it was."""
    require(torch.equal(x, before), "changes its input in place", "work on a copy: x * 2 rather than x.mul_(2)")
