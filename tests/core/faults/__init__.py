"""Components with planted faults, by kind."""

from __future__ import annotations

from typing import Any

import attrs

from genrelab import one_of, tunable

Fault = tuple[str, Any, str]
"""The check that must catch it, the component, and what must be said."""


@attrs.frozen
class Params:
    size: int = tunable(8, low=1, high=32, log=True, help="values of a layer")
    mode: str = one_of("mean", ["mean", "max"], help="how frames are pooled")
