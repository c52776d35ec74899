"""What a model costs: multiply-adds of a forward pass, and the most memory that a training has taken."""

from __future__ import annotations

import contextlib
import copy
import resource
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

_PROC = Path("/proc/self")


def multiply_adds(model: nn.Module, shape: tuple[int, int], device: torch.device) -> int:
    """Count the multiply-adds of one clip's forward pass in eval mode, in which the model is left.

    Counted are convolutions, matrix products, attention and recurrent layers, by torch's counter, which takes two
    operations for one multiply-add. Recurrent layers it sees on some devices only, so they go by their formula:
    every weight once a time step. What is done element by element (normalisation, activation, pooling) is left
    out, and so are Fourier transforms.

    Args:
        model: (batch, bins, frames) -> anything, on the device.
        shape: (bins, frames) of a clip.
        device: where the model is.
    """
    plain = copy.copy(model)  # the same layers, called as they are where the model is compiled
    counter, corrections, handles = FlopCounterMode(display=False), [0], []

    def before(*_: Any) -> None:
        corrections[0] += counter.get_total_flops()

    def after(layer: nn.Module, inputs: tuple[Any, ...], _: Any) -> None:
        steps = inputs[0].data.shape[:-1].numel()  # of a tensor (batch, time, values) or a packed sequence
        weights = sum(p.numel() for p in layer.parameters() if p.ndim == 2)
        corrections[0] += 2 * steps * weights - counter.get_total_flops()

    for layer in plain.modules():
        if isinstance(layer, nn.RNNBase):
            handles += [layer.register_forward_pre_hook(before), layer.register_forward_hook(after)]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # fused attention is not counted
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            plain.eval()(torch.zeros(1, *shape, device=device))
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in handles:
            handle.remove()
    return (counter.get_total_flops() + corrections[0]) // 2


class PeakMemory:
    """The most memory taken since this was made.

    On CUDA what torch's allocator has handed out, on other devices what is resident of this process: with Python,
    its libraries and the mapped parts of the feature store. macOS does not tell the latter since a moment, only
    since the process was started.

    Args:
        device: where the training is.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        elif _PROC.exists():
            with contextlib.suppress(OSError):  # a container may not allow it
                (_PROC / "clear_refs").write_text("5")  # resets the peak, see proc(5)

    def read(self) -> int:
        """Return it in bytes."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        if _PROC.exists():
            lines = (_PROC / "status").read_text().splitlines()
            return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak
