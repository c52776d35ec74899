"""Selected components in tables: a name, keys of the core's own, and the parameters of the component so called."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import attr
import attrs
import cattrs

from genrelab.config.experiment import Choice
from genrelab.config.report import report
from genrelab.config.search import Dimension, Settings
from genrelab.config.structure import RefusedError, describe, make_converter, problems_of
from genrelab.errors import InputError
from genrelab.params import Scalar
from genrelab.plugins.registry import Registry

T = TypeVar("T")


def structure(data: Any, cls: type[T], registry: Registry, source: str) -> T:
    """Turn plain tables into an attrs class that may hold choices of components.

    Raises:
        InputError: the message lists every problem with its path.
    """
    try:
        return converter(registry).structure(data, cls)
    except (RefusedError, cattrs.BaseValidationError) as error:
        raise report(list(problems_of(error)), source, data) from error


def tables(value: Any) -> Any:
    """Turn an `Experiment`, or any part of one, back into plain tables (TOML-able and JSON-able)."""
    return _plain().unstructure(value)


@functools.cache
def _plain() -> cattrs.Converter:
    """Return the converter that turns anything back; to make one takes longer than its work."""
    return converter(None)


def converter(registry: Registry | None) -> cattrs.Converter:
    """Return the strict converter that also knows choices of components; without a registry only to unstructure."""
    conv = make_converter()

    def is_choice(cls: Any) -> bool:
        return isinstance(cls, type) and issubclass(cls, Choice)

    table_of_dimension = conv.get_structure_hook(Dimension)
    conv.register_structure_hook(
        Dimension, lambda v, t: Dimension(declared=True) if v == "declared" else table_of_dimension(v, t)
    )
    conv.register_structure_hook_func(lambda t: t == Settings, lambda v, _: _settings(v))
    conv.register_structure_hook_factory(is_choice, lambda cls: lambda v, _: _choose(v, cls, registry, conv))
    conv.register_unstructure_hook_func(is_choice, lambda c: _unchoose(c, conv))
    return conv


def _choose(value: Any, cls: type[Choice], registry: Registry | None, conv: cattrs.Converter) -> Choice:
    """Structure a table that holds a name, keys of the core's own and the parameters of the component so called."""
    if registry is None:
        raise TypeError("a converter without a registry only unstructures")
    if not isinstance(value, dict):
        raise RefusedError(f"expected table, got {describe(value)}")
    name = value.get("name")
    if not isinstance(name, str):
        problem = "is required, but missing" if name is None else f"expected string, got {describe(name)}"
        raise RefusedError(f"{problem} (there are: {', '.join(registry.names(cls.kind))})", "name")
    try:
        component = registry.get(cls.kind, name)
    except InputError as error:
        raise RefusedError(str(error), "name") from error
    table, own = flat_table(cls, component.params), own_keys(cls)  # type: ignore[arg-type]
    values = attrs.asdict(conv.structure({k: v for k, v in value.items() if k != "name"}, table), recurse=False)
    try:
        params = component.params(**{k: v for k, v in values.items() if k not in own})
    except ValueError as error:  # a plugin's own validators
        raise RefusedError(str(error)) from error
    except Exception as error:
        raise RefusedError(f"its parameters raise {type(error).__name__}: {error}") from error
    return cls(name=name, params=params, **{k: v for k, v in values.items() if k in own})


def _settings(value: Any) -> Settings:
    """Structure a table of parameters and their values."""
    if not isinstance(value, dict):
        raise RefusedError(f"expected table, got {describe(value)}")
    for name, entry in value.items():
        if not isinstance(entry, Scalar):
            raise RefusedError(f"expected a number, string or boolean, got {describe(entry)}", name)
    return value


def _unchoose(choice: Choice, conv: cattrs.Converter) -> dict[str, Any]:
    own = {k: conv.unstructure(getattr(choice, k)) for k in sorted(own_keys(type(choice)))}
    return {"name": choice.name, **own, **conv.unstructure(choice.params)}


def own_keys(cls: type) -> set[str]:
    """Return the keys of a choice that are genrelab's own, not its component's."""
    return attrs.fields_dict(cls).keys() - {"name", "params"}


@functools.cache
def flat_table(cls: type, params: type) -> type:
    """Make one flat class of the core's own keys and a component's parameters, as they stand in the file."""
    fields = {a.name: a for a in attrs.fields(attrs.resolve_types(params))}
    own = {a.name: a for a in attrs.fields(attrs.resolve_types(cls)) if a.name in own_keys(cls)}
    clash = fields.keys() & {"name", *own}
    if clash:
        raise RefusedError(f"its parameter {clash.pop()!r} is called like a key of genrelab's own", "name")
    flat = {n: attr.ib(a.default, metadata=a.metadata, type=a.type) for n, a in {**own, **fields}.items()}
    made: type = attrs.make_class("Table", flat, frozen=True)
    return made
