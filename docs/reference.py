"""Write docs/experiment.md, the reference of experiment files, from the classes that read them.

python docs/reference.py
"""

from __future__ import annotations

import inspect
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from genrelab.config.experiment import Audio, Candidate, Choice, Experiment, SplitPlan, Train
from genrelab.config.files import DEFAULTS
from genrelab.config.schema import attribute_docs
from genrelab.config.search import Dimension, Final, Search, Stopping
from genrelab.params import specs

PAGE = Path(__file__).with_name("experiment.md")
TABLES = {
    "audio": Audio,
    "split": SplitPlan,
    "train": Train,
    "search": Search,
    "search.stopping": Stopping,
    "search.space": Dimension,
    "final": Final,
    "candidate": Candidate,
}
NAMES = {bool: "boolean", int: "integer", float: "float", str: "string"}
HEAD = """\
# Experiment files

Every table and key, with type, default and legal values. `python docs/reference.py` writes this page from the
classes that read the files: change those. The parameters of components are in [components.md](components.md) and in
`genrelab show KIND/NAME`.

Files are read strictly: an unknown key, a wrong type or a value out of range is an error, and `genrelab validate`
tells all of them at once. A whole number may stand for a float; nothing else is converted.

## In an editor

```sh
genrelab schema --output genrelab.schema.json
```

writes a JSON schema (draft 7) that knows the plugins which are installed. Editors with
[Taplo](https://taplo.tamasfe.dev) (Even Better TOML in VS Code) complete, explain and check by it. Name it in the
first line of a file:

```toml
#:schema ./genrelab.schema.json
```

or for all of them in `.taplo.toml`:

```toml
[[rule]]
include = ["experiments/*.toml"]
schema.path = "genrelab.schema.json"
```

What spans several tables (names in a search space, shares that sum to 1) only `genrelab validate` finds.
"""
COMPONENTS = """
## Components

A table that selects a component has its `name`, the keys below, and the parameters of the component so called.
`[dataset]`, `[feature]`, `[model]` and `[executor]` are tables; `[[augment]]`, `[[scheduler]]` and `[[reporter]]`
may stand several times, each under another name.
"""


def reference() -> str:
    """Return the page."""
    parts = [HEAD, section("", Experiment, "The file itself"), COMPONENTS]
    own = {cls: [n for n in specs(cls) if n not in ("name", "params")] for cls in Choice.__subclasses__()}
    parts += [f"\n### {c.kind}\n\n{first_line(c)}\n\n{table(c, names)}" for c, names in own.items() if names]
    parts += [section(name, cls) for name, cls in TABLES.items()]
    return "".join(parts)


def section(name: str, cls: type, title: str = "") -> str:
    """Return a heading, a line and a table of keys."""
    heading = title or (f"[[{name}]]" if name == "candidate" else f"[{name}]")
    return f"\n## {heading}\n\n{first_line(cls)}\n\n{table(cls, list(specs(cls)))}"


def table(cls: type, names: list[str]) -> str:
    """Return a row for each key."""
    docs, rows = attribute_docs(cls), ["| key | type | default | legal | |", "|---|---|---|---|---|"]
    for name in names:
        attribute, spec = specs(cls)[name]
        legal = spec.range_text().replace("|", "\\|")
        rows.append(f"| `{name}` | {type_text(attribute.type)} | {default(attribute)} | {legal} | {docs[name]} |")
    return "\n".join(rows) + "\n"


def first_line(cls: type) -> str:
    """Return the first line on a class."""
    return (inspect.getdoc(cls) or "").splitlines()[0]


def default(attribute: attrs.Attribute[Any]) -> str:
    """Return a default as it would stand in a file."""
    value = attribute.default
    if attribute.name in DEFAULTS:
        found = DEFAULTS[attribute.name]
        return ", ".join(f'`"{row["name"]}"`' for row in (found if isinstance(found, list) else [found]))
    if value is attrs.NOTHING:
        return "" if attribute.name == "candidate" else "required"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value!r}`".replace("'", '"') if isinstance(value, int | float | str) else ""


def type_text(wanted: Any) -> str:
    """Return a type in the words of TOML."""
    inner = [t for t in get_args(wanted) if t not in (NoneType, Ellipsis)]
    if wanted in NAMES:
        return NAMES[wanted]
    if get_origin(wanted) in (UnionType, Union):
        return " or ".join(type_text(t) for t in inner)
    if get_origin(wanted) is tuple:
        return f"array of {type_text(inner[0])}s"
    return "table"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
