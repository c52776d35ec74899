"""When a trial of a search is hopeless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen
class Stop:
    """The worst values with which a training goes on, decided before it begins."""

    metric: str
    """Of validation."""
    maximize: bool
    bounds: tuple[float | None, ...]
    """For each epoch the worst best-so-far value that goes on, None where all do."""

    def is_due(self, history: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether a training ends early after the epochs whose records are given."""
        bound = self.bounds[len(history) - 1] if 0 < len(history) <= len(self.bounds) else None
        if bound is None:
            return False
        values: list[float] = [record["validation"][self.metric] for record in history]
        return max(values) < bound if self.maximize else min(values) > bound
