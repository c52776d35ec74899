"""Search spaces: which parameters of a recipe can be searched, and a recipe with some of them changed.

A parameter is named by its table: ``train.learning_rate``, ``model.dropout``, ``feature.n_mels``; where a table
stands several times, the component's name comes between: ``augment.spec_mask.freq_width``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from genrelab.config.experiment import Choice, Dimension, Recipe
from genrelab.config.structure import describe
from genrelab.params import Scalar, Spec, specs
from genrelab.plugins.registry import guess

_NAMES = {bool: "boolean", int: "integer", float: "float", str: "string"}


def parameters(recipe: Recipe) -> dict[str, tuple[attrs.Attribute[Any], Spec]]:
    """Map every parameter of a recipe that can be searched to its attribute and declaration."""
    found: dict[str, tuple[attrs.Attribute[Any], Spec]] = {}
    for prefix, owner in _owners(recipe):
        own = {n: p for n, p in specs(type(owner)).items() if n not in ("name", "params")}
        inner = specs(type(owner.params)) if isinstance(owner, Choice) else {}
        for name, (attribute, spec) in {**own, **inner}.items():
            if attribute.type in _NAMES:
                found[f"{prefix}.{name}"] = (attribute, spec)
    return found


def with_values(recipe: Recipe, values: Mapping[str, Scalar]) -> Recipe:
    """Return the recipe with parameters changed, as a search proposes them.

    Raises:
        KeyError: a parameter that the recipe does not have.
    """
    unknown = values.keys() - parameters(recipe).keys()
    if unknown:
        raise KeyError(f"the recipe has no parameter {', '.join(sorted(unknown))}")
    changed: dict[str, Any] = {}
    for prefix, owner in _owners(recipe):
        new = _evolve(owner, {k.rpartition(".")[2]: v for k, v in values.items() if k.rpartition(".")[0] == prefix})
        table = prefix.partition(".")[0]
        several = isinstance(getattr(recipe, table), tuple)
        changed[table] = (*changed.get(table, ()), new) if several else new
    return attrs.evolve(recipe, **changed)


def problems_of_dimension(name: str, dimension: Dimension, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Check one dimension of a search space against the parameter that it names; yield (key, message)."""
    known = parameters(recipe)
    if name not in known:
        yield "", f"names no parameter{guess(name, known)}"
        return
    attribute, spec = known[name]
    forms = [
        bool(dimension.choice),
        dimension.low is not None or dimension.high is not None,
        dimension.fixed is not None,
    ]
    if sum(forms) != 1:
        yield "", "give one of: choice = [...], low = and high =, fixed ="
        return
    if dimension.kind == "range":
        yield from _problems_of_range(dimension, attribute)
    keys = {"choice": ["choice"] * len(dimension.choice), "range": ["low", "high"], "fixed": ["fixed"]}
    for key, value in zip(keys[dimension.kind], dimension.values, strict=False):
        problem = _problem_of_value(value, attribute, spec)
        if problem:
            yield key, problem


def _problems_of_range(dimension: Dimension, attribute: attrs.Attribute[Any]) -> Iterator[tuple[str, str]]:
    low, high = dimension.low, dimension.high
    if attribute.type not in (int, float):
        yield "", f"a {_NAMES[attribute.type]} has no range; give choice = [...]"  # type: ignore[index]
    elif low is None or high is None:
        yield "", "a range needs both low and high"
    elif low >= high:
        yield "low", f"{low} is not below high ({high})"
    elif dimension.log and low <= 0:
        yield "low", f"a logarithmic range needs low > 0, got {low}"


def _problem_of_value(value: Scalar, attribute: attrs.Attribute[Any], spec: Spec) -> str | None:
    wanted = attribute.type
    if type(value) is not wanted and not (wanted is float and type(value) is int):
        return f"expected {_NAMES[wanted]}, got {describe(value)}"  # type: ignore[index]
    return spec.problem(value)


def _owners(recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """Yield every table of a recipe with the prefix of its parameters."""
    yield "feature", recipe.feature
    yield "model", recipe.model
    yield "train", recipe.train
    for table in ("augment", "scheduler"):
        for choice in getattr(recipe, table):
            yield f"{table}.{choice.name}", choice


def _evolve(owner: Any, values: Mapping[str, Scalar]) -> Any:
    if not isinstance(owner, Choice):
        return attrs.evolve(owner, **_typed(type(owner), values))
    own: dict[str, Any] = {k: v for k, v in values.items() if k in attrs.fields_dict(type(owner))}
    inner = {k: v for k, v in values.items() if k not in own}
    params = attrs.evolve(owner.params, **_typed(type(owner.params), inner))
    return attrs.evolve(owner, params=params, **own)


def _typed(cls: type, values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Give whole numbers the type of a float parameter, so that 1 and 1.0 are one setting."""
    fields = specs(cls)
    return {k: float(v) if fields[k][0].type is float else v for k, v in values.items()}
