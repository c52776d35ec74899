"""The waveform itself, for models that learn their own filters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import attrs

from genrelab import Feature, hookimpl

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Nothing to choose: the sample rate is that of [audio]."""


def build(params: Params, sample_rate: int) -> nn.Module:  # noqa: ARG001 - what every feature gets
    """Build the module: (batch, samples) -> (batch, 1, samples), the same values."""
    from torch.nn import Unflatten

    return Unflatten(1, (1, -1))


@hookimpl
def provide_features() -> Iterable[Feature]:
    """Provide ``waveform``."""
    return [Feature("waveform", Params, build)]
