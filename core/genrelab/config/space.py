"""Search spaces: which parameters of a recipe can be searched, and a recipe with some of them changed.

A parameter is named by its table: ``train.learning_rate``, ``model.dropout``, ``feature.n_mels``; where a table
stands several times, the component's name comes between: ``augment.spec_mask.freq_width``.

A component is searched like a parameter: ``model.name``, ``feature.name``, ``scheduler.name`` or ``augment.name``
(of the last two, the one chosen then stands alone; ``none`` chooses none). Parameters with the name of a component
between, ``model.cnn1d_gru.hidden_dim``, belong to that choice alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import attrs

from genrelab.config.experiment import (
    AugmentChoice,
    Choice,
    FeatureChoice,
    ModelChoice,
    Recipe,
    SchedulerChoice,
    Train,
)
from genrelab.config.search import Dimension, Settings, Space
from genrelab.params import Number, Scalar, Spec, specs
from genrelab.plugins.registry import Registry

KINDS: dict[type, str] = {bool: "boolean", int: "integer", float: "float", str: "string"}
TABLES: dict[str, type[Choice]] = {
    "feature": FeatureChoice,
    "model": ModelChoice,
    "augment": AugmentChoice,
    "scheduler": SchedulerChoice,
}
NONE = "none"


@attrs.frozen
class Declared:
    """A parameter that can be searched."""

    type: type
    specs: tuple[Spec, ...]
    """Of each component that takes it."""
    parent: str = ""
    """The choice of a component on which it depends; empty where it is always there."""
    component: str = ""
    """Value of the parent under which it is there."""

    def problem(self, value: Any) -> str | None:
        """Say why a value of the right type is not legal, None where it is."""
        return next(filter(None, (spec.problem(value) for spec in self.specs)), None)


@attrs.frozen
class Parameter:
    """A parameter of a search space, with everything resolved."""

    name: str
    type: type
    values: tuple[Scalar, ...]
    """All choices in order, or both ends of a range."""
    is_range: bool = False
    log: bool = False
    ordered: bool = True
    parent: str = ""
    component: str = ""

    def is_active(self, settings: Mapping[str, Scalar]) -> bool:
        """Tell whether it has a value beside the settings of the parameters before it."""
        return not self.parent or settings.get(self.parent) == self.component

    def holds(self, value: Scalar) -> bool:
        """Tell whether a value is in the space."""
        low, high = self.values[0], self.values[-1]
        if self.is_range:
            return isinstance(value, self.type) and low <= value <= high  # type: ignore[operator]
        return value in self.values


def parameters(recipe: Recipe, space: Space, registry: Registry) -> dict[str, Declared]:
    """Map every parameter that can be searched, for a recipe whose components a space may choose, to what it is.

    Raises:
        PluginError: a component that the space names does not load.
    """
    own = specs(Train).items()
    found = {f"train.{name}": Declared(a.type or str, (s,)) for name, (a, s) in own if a.type in KINDS}
    for table, cls in TABLES.items():
        several = isinstance(getattr(recipe, table), tuple)
        names = (*registry.names(cls.kind), *([NONE] if several else []))
        found[f"{table}.name"] = Declared(str, (Spec("choice", "", choices=names),))
        chosen = space.get(f"{table}.name")
        options = (
            [_component(recipe, table, str(n), registry) for n in chosen.values if n in names and n != NONE]
            if chosen
            else list(_choices(recipe, table))
        )
        depends = chosen is not None and len(set(chosen.values)) > 1
        for option in options if several or chosen else ():
            where = (f"{table}.name", option.name) if depends else ("", "")
            prefix = f"{table}.{option.name}"
            found |= {f"{prefix}.{n}": Declared(a.type or str, (s,), *where) for n, (a, s) in _own(option).items()}
        if not several:
            found |= {f"{table}.{name}": declared for name, declared in _shared(options).items()}
    return found


def resolve(space: Space, declared: Mapping[str, Declared]) -> list[Parameter]:
    """Return the parameters of a space that has no problems, those on which others depend first."""
    found = [_parameter(name, dimension, declared[name]) for name, dimension in space.items()]
    return sorted(found, key=lambda p: bool(p.parent))


def with_values(recipe: Recipe, values: Mapping[str, Scalar], registry: Registry) -> Recipe:
    """Return the recipe with parameters changed, as a search proposes them.

    Raises:
        KeyError: a parameter that the recipe does not have.
    """
    left = dict(values)
    changed: dict[str, Any] = {"train": _evolve(recipe.train, _take(left, "train"), "train")}
    for table in TABLES:
        name, several = left.pop(f"{table}.name", None), isinstance(getattr(recipe, table), tuple)
        choices = list(_choices(recipe, table))
        if name is not None:
            choices = [] if name == NONE else [_component(recipe, table, str(name), registry)]
        shared = {} if several else _take(left, table)
        new = [_choose(c, {**shared, **_take(left, f"{table}.{c.name}")}, table) for c in choices]
        changed[table] = tuple(new) if several else new[0]
    if left:
        raise KeyError(f"the recipe has no parameter {', '.join(sorted(left))}")
    return attrs.evolve(recipe, **changed)


def completed(settings: Settings, space: Sequence[Parameter], recipe: Recipe, registry: Registry) -> Settings:
    """Return settings with what they leave out of a space: its only value, or as the recipe has it."""
    chosen = {name: value for name, value in settings.items() if name.endswith(".name")}
    recipe = with_values(recipe, chosen, registry)
    whole: Settings = {}
    for parameter in space:
        if parameter.is_active(whole):
            of_space = len(parameter.values) == 1
            left_out = parameter.values[0] if of_space else _value(recipe, parameter.name)
            value: Any = settings.get(parameter.name, left_out)
            whole[parameter.name] = float(value) if parameter.type is float and type(value) is int else value
    return whole


def every_setting(space: Sequence[Parameter]) -> Iterator[Settings]:
    """Yield every setting of a space without ranges, the last parameter changing fastest."""

    def complete(begun: Settings, at: int) -> Iterator[Settings]:
        if at == len(space):
            yield begun
        elif not space[at].is_active(begun):
            yield from complete(begun, at + 1)
        else:
            for value in space[at].values:
                yield from complete({**begun, space[at].name: value}, at + 1)

    return complete({}, 0)


def stepped(low: Number, high: Number, step: Number) -> list[Number]:
    """Return low, low + step, ... up to high, without the dust of binary fractions.

    Raises:
        ValueError: high is not reached.
    """
    count = round((high - low) / step)
    first, by = Decimal(str(low)), Decimal(str(step))
    values = [type(low + step)(first + i * by) for i in range(count + 1)]
    if values[-1] != high:
        raise ValueError(f"{high} is not {low} and a whole number of steps of {step}")
    return values


def _value(recipe: Recipe, name: str) -> Any:
    """Return the value that a recipe has for a parameter, None where it has none."""
    table, *between, key = name.split(".")
    if table == "train":
        return getattr(recipe.train, key)
    choices = [c for c in _choices(recipe, table) if not between or c.name == between[0]]
    if key == "name":
        return choices[0].name if len(choices) == 1 else None if choices else NONE
    owners = [o for c in choices for o in (c, c.params) if hasattr(o, key)]
    return getattr(owners[0], key) if owners else None


def _choices(recipe: Recipe, table: str) -> tuple[Choice, ...]:
    found: Any = getattr(recipe, table)
    return found if isinstance(found, tuple) else (found,)


def _component(recipe: Recipe, table: str, name: str, registry: Registry) -> Choice:
    """Return a component as the recipe has it, or with its defaults."""
    own = next((c for c in _choices(recipe, table) if c.name == name), None)
    cls = TABLES[table]
    return own or cls(name, registry.get(cls.kind, name).params())


def _own(choice: Choice) -> dict[str, tuple[attrs.Attribute[Any], Spec]]:
    """Return the parameters of a component, and genrelab's own keys beside them, that can be searched."""
    found = {**specs(type(choice)), **specs(type(choice.params))}
    return {n: (a, s) for n, (a, s) in found.items() if a.type in KINDS and n not in ("name", "params")}


def _shared(options: Sequence[Choice]) -> dict[str, Declared]:
    """Return the parameters that all of several components have, of the same type."""
    if not options:
        return {}
    tables = [_own(option) for option in options]
    common = functools.reduce(lambda a, b: [n for n in a if n in b], tables[1:], list(tables[0]))
    found = {}
    for name in common:
        types = {table[name][0].type for table in tables}
        if len(types) == 1:
            found[name] = Declared(types.pop(), tuple(table[name][1] for table in tables))  # type: ignore[arg-type]
    return found


def _parameter(name: str, dimension: Dimension, declared: Declared) -> Parameter:
    wanted, values, log = declared.type, list(dimension.values), dimension.log
    is_range = not dimension.choice and dimension.fixed is None
    if dimension.declared:
        spec, *others = declared.specs
        is_range, log = spec.kind == "range", spec.log
        values = [v for v in spec.choices if all(v in o.choices for o in others)]
        if is_range:
            values = [max(s.low or 0 for s in declared.specs), min(s.high or 0 for s in declared.specs)]
    elif dimension.step is not None:
        values, is_range = list(stepped(values[0], values[1], dimension.step)), False  # type: ignore[arg-type]
    typed = tuple(dict.fromkeys(wanted(v) for v in values))
    ordered = wanted in (int, float) if dimension.ordered is None else dimension.ordered
    return Parameter(name, wanted, typed, is_range, log, ordered, declared.parent, declared.component)


def _take(values: Settings, prefix: str) -> Settings:
    """Take out the values of one table, by their names in it."""
    names = [name for name in values if name.rpartition(".")[0] == prefix]
    return {name.rpartition(".")[2]: values.pop(name) for name in names}


def _choose(choice: Choice, values: Settings, table: str) -> Choice:
    own: dict[str, Any] = {k: v for k, v in values.items() if k in specs(type(choice))}
    inner = {k: v for k, v in values.items() if k not in own}
    return attrs.evolve(choice, params=_evolve(choice.params, inner, table), **own)


def _evolve(owner: Any, values: Settings, table: str) -> Any:
    """Change values of an attrs instance; a whole number becomes a float where one belongs: 1 and 1.0 are one."""
    fields = specs(type(owner))
    for name in values:
        if name not in fields:
            raise KeyError(f"the recipe has no parameter {table}.{name}")
    return attrs.evolve(owner, **{k: float(v) if fields[k][0].type is float else v for k, v in values.items()})
