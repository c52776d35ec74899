"""Tracing for any length: what torch's exporter would fix to the length of its example.

It unrolls GRU and LSTM. While `any_length` is on, they are traced as operators of genrelab's own, of which the
exporter knows nothing but the shapes; afterwards they are replaced, by torch's own operators in a torch program, by
the GRU and LSTM of ONNX in an ONNX model. It also takes the length that max_pool1d gives for a constant, but not
that of max_pool2d.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

_ARGUMENTS = (
    "Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, "
    "bool batch_first"
)
_LIBRARY: Any = torch.library.Library("genrelab", "DEF")  # type: ignore[no-untyped-call]
_LIBRARY.define(f"gru(Tensor input, Tensor hx, {_ARGUMENTS}) -> (Tensor, Tensor)")
_LIBRARY.define(f"lstm(Tensor input, Tensor[] hx, {_ARGUMENTS}) -> (Tensor, Tensor, Tensor)")

_OPERATORS: Mapping[Any, Any] = {
    torch.gru: torch.ops.genrelab.gru.default,
    torch.lstm: torch.ops.genrelab.lstm.default,
}
_TORCH: Mapping[Any, Any] = {
    torch.ops.genrelab.gru.default: torch.ops.aten.gru.input,
    torch.ops.genrelab.lstm.default: torch.ops.aten.lstm.input,
}


def _shapes(
    x: Tensor,
    hx: Tensor | list[Tensor],
    params: list[Tensor],  # noqa: ARG001 - what every operator gets
    has_biases: bool,  # noqa: ARG001
    num_layers: int,  # noqa: ARG001
    dropout: float,  # noqa: ARG001
    train: bool,  # noqa: ARG001
    bidirectional: bool,
    batch_first: bool,  # noqa: ARG001
) -> tuple[Tensor, ...]:
    """Return tensors shaped like what a layer gives: its output, then its last states."""
    states = [hx] if isinstance(hx, Tensor) else hx
    output = x.new_empty(x.shape[0], x.shape[1], states[0].shape[2] * (1 + bidirectional))
    return output, *(torch.empty_like(h) for h in states)


for _operator, _original in _TORCH.items():
    _LIBRARY.impl(_operator, _original, "CPU")
    torch.library.register_fake(_operator, _shapes, lib=_LIBRARY)


class _AnyLength(TorchFunctionMode):
    """Calls what gives the same values for any length."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call."""
        if func in _OPERATORS and isinstance(args[2], list):  # not of packed sequences
            return _OPERATORS[func](*args)
        if func in (torch.max_pool1d, F.max_pool1d) and not (kwargs or {}).pop("return_indices", False):
            return _max_pool1d(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def any_length() -> TorchFunctionMode:
    """Return the context in which to trace."""
    return _AnyLength()


def _max_pool1d(
    x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    along, across = [_one(v) for v in (kernel_size, stride or kernel_size, padding, dilation)], (1, 1, 0, 1)
    window, step, pad, spread = ([b, a] for a, b in zip(along, across, strict=True))
    return F.max_pool2d(x.unsqueeze(-2), window, step, pad, spread, ceil_mode).squeeze(-2)


def _one(value: Any) -> int:
    return int(value if isinstance(value, int) else value[0])


def with_torch_operators(program: ExportedProgram) -> ExportedProgram:
    """Replace genrelab's operators of a program by torch's, in place: it then needs nothing of genrelab."""
    for node in program.graph.nodes:
        node.target = _TORCH.get(node.target, node.target)
    program.graph_module.recompile()
    return program


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return what ONNX operators genrelab's become.

    Raises:
        ImportError: onnxscript is missing.
    """
    from onnxscript.function_libs.torch_lib.ops import core

    return {torch.ops.genrelab.gru.default: core.aten_gru, torch.ops.genrelab.lstm.default: core.aten_lstm}
