"""Strict structuring of plain tables into attrs classes: no coercion, all problems at once, each with its path.

cattrs does the structuring. Its scalar hooks are replaced by exact ones (by default "no" becomes True and 3.7
becomes 3), ranges declared with `tunable` are checked field by field so that the path is whole, and its tree of
errors is flattened into a list of problems.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from genrelab.params import Number, Scalar, spec_of
from genrelab.plugins.registry import guess
from genrelab.texts import shortened

KeyPath = tuple[str | int, ...]
_BARE_KEY = re.compile(r"[\w-]{1,100}")
_KINDS = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "table"}


@attrs.frozen
class Problem:
    """One thing that is wrong with the input."""

    path: KeyPath
    message: str
    candidate: str = ""
    """For which candidate it is wrong, where the path does not say so."""


class RefusedError(ValueError):
    """A value is not what is expected; the message is for the user, `below` names a key within the value."""

    def __init__(self, message: str, *below: str | int) -> None:
        super().__init__(message)
        self.below = below


def describe(value: Any) -> str:
    """Return a value as the user wrote it, with its type: ``'12' (string)``."""
    kind = next((name for t, name in _KINDS.items() if type(value) is t), type(value).__name__)
    return f"{shortened(repr(value))} ({kind})" if isinstance(value, Scalar) else kind


def make_converter() -> cattrs.Converter:
    """Return a strict converter: exact scalars, no unknown keys, ranges checked, lists only from arrays."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for scalar in (bool, int, float, str):
        converter.register_structure_hook(scalar, _exact)
    for union in (Number, Number | None, Scalar, Scalar | None):
        converter.register_structure_hook_func(partial(operator.eq, union), _one_of_types(union))
    converter.register_structure_hook_factory(attrs.has, lambda cls: _structure_fields(cls, converter))
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure_present(cls, converter))
    return converter


def problems_of(error: BaseException, path: KeyPath = ()) -> Iterator[Problem]:
    """Flatten what a strict converter raised into problems, in the order of the class's fields."""
    if isinstance(error, ForbiddenExtraKeysError):
        known = [a.name for a in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield Problem((*path, key), f"unknown key{guess(key, known)}")
    elif isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from problems_of(inner, (*path, *_step(inner)))
    elif isinstance(error, KeyError):
        yield Problem(path, "is required, but missing")
    else:
        yield Problem((*path, *getattr(error, "below", ())), str(error))


def path_text(path: KeyPath) -> str:
    """Return a path as the user would write it: ``augment[0].max_bins``, ``space."model.dropout"``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else _quoted(part))
    return text


def _quoted(key: str) -> str:
    return json.dumps(shortened(key), ensure_ascii=not key.isprintable())


def _step(error: BaseException) -> KeyPath:
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (note.name,)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()


def _exact(value: Any, wanted: type) -> Any:
    if type(value) is wanted:
        return value
    if wanted is float and type(value) is int:  # 0 and 1 are what people write for 0.0 and 1.0
        return float(value)
    raise RefusedError(f"expected {_KINDS[wanted]}, got {describe(value)}")


def _one_of_types(union: Any) -> Callable[[Any, Any], Any]:
    types = [t for t in get_args(union) if t in _KINDS]

    def structure(value: Any, _: Any) -> Any:
        if type(value) in types:
            return value
        raise RefusedError(f"expected {' or '.join(_KINDS[t] for t in types)}, got {describe(value)}")

    return structure


def _structure_fields(cls: type, converter: cattrs.Converter) -> Callable[[Any, type], Any]:
    fields = attrs.fields(attrs.resolve_types(cls))
    checks = {a.name: override(struct_hook=_checked(a, converter)) for a in fields}
    inner: Any = make_dict_structure_fn(cls, converter, **checks)  # type: ignore[arg-type]

    def structure(value: Any, t: type) -> Any:
        if not isinstance(value, dict):
            raise RefusedError(f"expected table, got {describe(value)}")
        return inner(value, t)

    return structure


def _checked(attribute: attrs.Attribute[Any], converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    origin = get_origin(attribute.type)

    def structure(value: Any, t: Any) -> Any:
        # cattrs would take a text apart where an array is expected.
        wanted = list if origin in (list, tuple) else dict
        if origin in (list, tuple, dict) and not isinstance(value, wanted):
            raise RefusedError(f"expected {_KINDS[wanted]}, got {describe(value)}")
        result = converter.structure(value, t)
        problem = spec_of(attribute).problem(result)
        if problem:
            raise RefusedError(problem)
        return result

    return structure


def _unstructure_present(cls: type, converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    """TOML has no null: what is None is left out."""
    inner: Any = make_dict_unstructure_fn(cls, converter)
    return lambda value: {k: v for k, v in inner(value).items() if v is not None}
