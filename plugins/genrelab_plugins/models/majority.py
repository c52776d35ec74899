"""The floor under all floors: one probability for each genre, whatever the clip sounds like.

The logits are a learned vector; trained with cross entropy it comes to the logarithms of the genres' shares,
so the prediction is the genre with the most training clips. What is not better than this has learned nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Model, hookimpl

if TYPE_CHECKING:
    from torch import nn


@attrs.frozen
class Params:
    """Nothing to choose."""


def build(params: Params, shape: tuple[int, int], classes: int) -> nn.Module:  # noqa: ARG001 - what every model gets
    """Build the module for features of any shape."""
    from genrelab_plugins.models import _blocks, _statistics

    return _blocks.Classifier(_statistics.One(), head=_statistics.linear_from_zero(1, classes, bias=False))


@hookimpl
def provide_models() -> list[Model]:
    """Provide majority."""
    return [Model("majority", Params, build)]
