"""What a feature costs, found out before a clip that somebody else has chosen is computed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genrelab.config.experiment import Audio
from genrelab.errors import InputError

_ALWAYS = 1 << 21  # samples of a clip (95 s at 22,050 Hz): with the costliest feature they take two GiB
_TRIAL = 1.0  # seconds
_MOST = 1 << 33  # bytes that a clip may write in all; one of 30 s takes about 1 << 27


class _Written(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of everything that is computed."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call and count."""
        result = func(*args, **(kwargs or {}))
        self.total += sum(t.numel() * t.element_size() for t in tree_leaves(result) if isinstance(t, Tensor))
        return result


@torch.no_grad()
def check_cost(feature: nn.Module, audio: Audio) -> None:
    """Refuse a feature and a length of clips that would take more memory than any experiment has use for.

    Measured on a second of audio; a feature is as many times larger as its clip is longer.

    Raises:
        InputError: they would.
    """
    if audio.seconds * audio.sample_rate <= _ALWAYS:  # to count takes seconds: torch imports its compiler for it
        return
    seconds = min(_TRIAL, audio.seconds)
    with _Written() as written:  # type: ignore[no-untyped-call]
        feature(torch.zeros(1, round(seconds * audio.sample_rate)))
    total = written.total * audio.seconds / seconds
    if total > _MOST:
        raise InputError(f"the feature of a clip of {audio.seconds:g} s would take {total / 2**30:.0f} GiB")
