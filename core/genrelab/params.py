"""Parameters of components: default, legal range and search range of a field in one line.

A component declares its parameters as a frozen attrs class whose fields all have defaults::

    @attrs.frozen
    class Params:
        hidden_dim: int = tunable(64, low=8, high=512, log=True, help="channels of the first convolution")
        num_layers: int = one_of(2, [1, 2, 3], help="stacked recurrent layers")
        root: str = setting("", help="folder with one subfolder a genre")
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import attrs

Number = int | float
Scalar = bool | int | float | str
T = TypeVar("T")
N = TypeVar("N", int, float)
_KEY = "genrelab"


@attrs.frozen
class Spec:
    """What is declared of one parameter beside its type and default."""

    kind: Literal["range", "choice", "free"]
    help: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Scalar, ...] = ()
    place: bool = False
    """Whether it says where data are, not what they are."""

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value of the right type, or None where it is legal."""
        if isinstance(value, float) and not math.isfinite(value):
            return f"{value} is not a finite number"
        if self.kind == "choice" and value not in self.choices:
            return f"{value!r} is not one of {', '.join(repr(c) for c in self.choices)}"
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return f"{value!r} is outside {self.range_text()}"
        return None

    def range_text(self) -> str:
        """Return the legal values as text: ``0.0..0.6``, ``1 | 2``, or an empty text where all are legal."""
        if self.kind == "choice":
            return " | ".join(str(c) for c in self.choices)
        if self.low is None and self.high is None:
            return ""
        low = "" if self.low is None else self.low
        high = "" if self.high is None else self.high
        return f"{low}..{high}" + (" (log)" if self.log else "")


def tunable(default: N, *, low: N, high: N, log: bool = False, help: str) -> N:  # noqa: A002
    """Declare a number with its default and the range that is legal and, if asked, searched.

    Args:
        default: value where the experiment gives none; within the range.
        low: smallest legal value.
        high: largest legal value.
        log: search on a logarithmic scale; low must then be positive.
        help: one line for `genrelab show`, with the unit.

    Raises:
        ValueError: the default is outside the range, or log is asked for with low <= 0.
    """
    if log and low <= 0:
        raise ValueError(f"log scale needs low > 0, got {low}")
    return _declared(default, Spec("range", help, low=low, high=high, log=log))


def one_of(default: T, choices: Sequence[T], *, help: str) -> T:  # noqa: A002
    """Declare a parameter with a closed set of values (numbers, texts or booleans).

    Raises:
        ValueError: the default is not among the choices.
    """
    return _declared(default, Spec("choice", help, choices=tuple(choices)))  # type: ignore[arg-type]


def setting(
    default: T,
    *,
    help: str,  # noqa: A002
    low: float | None = None,
    high: float | None = None,
    place: bool = False,
) -> T:
    """Declare a parameter that is set but not searched: a path, a name, a list, a size.

    Args:
        default: value where the experiment gives none.
        help: one line for `genrelab show`, with the unit.
        low: smallest legal value of a number, or None.
        high: largest legal value of a number, or None.
        place: whether it says where the files of a dataset are; a run may go on with the same files elsewhere.
    """
    return _declared(default, Spec("free", help, low=low, high=high, place=place))


def _declared(default: T, spec: Spec) -> T:
    problem = spec.problem(default)
    if problem:
        raise ValueError(f"the default {problem}")
    mutable = isinstance(default, list | dict)
    field: T = attrs.field(
        default=attrs.Factory(default.copy) if mutable else default,  # type: ignore[attr-defined]
        metadata={_KEY: spec},
        validator=_in_range,
    )
    return field


def _in_range(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    problem = spec_of(attribute).problem(value)
    if problem:
        raise ValueError(f"{type(instance).__name__}.{attribute.name}: {problem}")


def spec_of(attribute: attrs.Attribute[Any]) -> Spec:
    """Return what was declared of an attrs attribute; a plain field is free."""
    found: Spec = attribute.metadata.get(_KEY, Spec("free", ""))
    return found


def specs(params: type) -> Mapping[str, tuple[attrs.Attribute[Any], Spec]]:
    """Map each parameter name of an attrs class to its attribute (types resolved) and its declaration."""
    return {a.name: (a, spec_of(a)) for a in attrs.fields(attrs.resolve_types(params))}
