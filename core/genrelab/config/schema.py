"""JSON schema of experiment files, with the plugins that are installed: by it editors complete and check them.

It follows the same classes as the reading of files does. What spans several tables (names in a search space, shares
that must sum to 1) a schema cannot say; `genrelab validate` says it.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from genrelab.config.choices import flat_table
from genrelab.config.experiment import Choice, Experiment
from genrelab.config.files import DEFAULTS
from genrelab.config.search import Dimension
from genrelab.errors import InputError
from genrelab.params import Spec, spec_of
from genrelab.plugins.registry import Registry

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that editors of TOML know well
_SCALARS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_CHOICES = {cls.kind: cls for cls in Choice.__subclasses__()}
Schema = dict[str, Any]


def experiment_schema(registry: Registry) -> Schema:
    """Return the JSON schema (draft 7) of the experiment files that a registry allows.

    A component that does not load is known by its name alone.
    """
    table = _table(Experiment)
    required = [key for key in table["required"] if key not in (*DEFAULTS, "candidate")]
    return {
        "$schema": DRAFT,
        "title": "genrelab experiment",
        **table,
        "required": required,
        "anyOf": [{"required": ["candidate"]}, {"required": ["model"]}],
        "definitions": {kind: _choice(cls, registry) for kind, cls in _CHOICES.items()},
    }


def attribute_docs(cls: type) -> Mapping[str, str]:
    """Map each attribute of a class to a line on it: its help, the text below it in the source, or its class's."""
    below: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body  # type: ignore[attr-defined]
        for line, after in itertools.pairwise(body):
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                below[line.target.id] = _text(after)
    fields = attrs.fields(attrs.resolve_types(cls))
    return {a.name: spec_of(a).help or below.get(a.name) or _class_text(a.type) for a in fields}


def _text(node: ast.stmt) -> str:
    """Return a text that stands alone as a statement, in one line."""
    value = node.value if isinstance(node, ast.Expr) else None
    return " ".join(str(value.value).split()) if isinstance(value, ast.Constant) else ""


def _class_text(wanted: Any) -> str:
    """Return the first line on the class that a type is, or that it holds."""
    classes = [t for t in (wanted, *get_args(wanted)) if isinstance(t, type) and attrs.has(t)]
    return (inspect.getdoc(classes[0]) or "").splitlines()[0] if classes else ""


def _choice(cls: type[Choice], registry: Registry) -> Schema:
    """Return the schema of a table that selects a component of one kind."""
    options = [_component(cls, name, registry) for name in registry.names(cls.kind)]
    return {"description": inspect.getdoc(cls), "type": "object", "required": ["name"], "oneOf": options}


def _component(cls: type[Choice], name: str, registry: Registry) -> Schema:
    named = {"enum": [name], "description": f"the {cls.kind}"}
    try:
        params = registry.get(cls.kind, name).params
        table = _table(flat_table(cls, params), {})  # type: ignore[arg-type]
    except InputError:
        return {"title": name, "properties": {"name": named}}
    return {**table, "title": name, "properties": {"name": named, **table["properties"]}, "required": ["name"]}


def _table(cls: type, docs: Mapping[str, str] | None = None) -> Schema:
    """Return the schema of a table that becomes an attrs class."""
    docs = attribute_docs(cls) if docs is None else docs
    fields = attrs.fields(attrs.resolve_types(cls))
    return {
        "type": "object",
        "properties": {a.name: _field(a, spec_of(a), docs.get(a.name, "")) for a in fields},
        "required": [a.name for a in fields if a.default is attrs.NOTHING],
        "additionalProperties": False,
    }


def _field(attribute: attrs.Attribute[Any], spec: Spec, doc: str) -> Schema:
    extra: Schema = {"description": spec.help or doc} if spec.help or doc else {}
    if spec.kind == "choice":
        extra["enum"] = list(spec.choices)
    ends = {"minimum": spec.low, "maximum": spec.high}
    extra |= {key: end for key, end in ends.items() if end is not None}
    if isinstance(attribute.default, bool | int | float | str):
        extra["default"] = attribute.default
    return {**_type(attribute.type), **extra}


def _type(wanted: Any) -> Schema:
    """Return the schema of a value of a type, as strictly as files are read."""
    if wanted in _SCALARS:
        return {"type": _SCALARS[wanted]}
    origin, inner = get_origin(wanted), [t for t in get_args(wanted) if t not in (NoneType, Ellipsis)]
    if origin in (UnionType, Union):
        options = [_type(t) for t in inner]
        return options[0] if len(options) == 1 else {"anyOf": options}
    if origin in (tuple, list):
        return {"type": "array", "items": _type(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(inner[1])}
    if wanted is Dimension:
        return {"anyOf": [{"enum": ["declared"]}, _table(Dimension)]}
    if isinstance(wanted, type) and issubclass(wanted, Choice):
        return {"$ref": f"#/definitions/{wanted.kind}"}
    return _table(wanted) if attrs.has(wanted) else {}
