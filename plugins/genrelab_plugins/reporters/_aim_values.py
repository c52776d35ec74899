"""Values as Aim takes them: numbers that are finite, texts, lists and dictionaries of these."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any


def plain(value: Any) -> Any:
    """Make a value of plain Python types; in mappings None and numbers that are not finite are left out.

    Aim refuses numpy scalars, paths and enums; one NaN among the values of a parameter turns its axis into text.
    """
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # numpy and torch scalars
    if isinstance(value, Mapping):
        entries = {str(key): plain(entry) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if not _missing(entry)}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if -(2**63) <= value < 2**63 else str(value)
    return value if value is None or type(value) in (bool, float, str) else str(value)


def finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the entries that are finite numbers."""
    return {name: value for name, value in plain(values).items() if not isinstance(value, str)}


def by_name(table: Any) -> Any:
    """Turn a list of component tables into a mapping by their name, so that its parameters can be queried."""
    if not isinstance(table, list) or not all(isinstance(entry, Mapping) for entry in table):
        return table
    named: dict[str, Any] = {}
    for entry in table:
        name = str(entry.get("name", len(named)))
        while name in named:
            name += "_"
        named[name] = entry
    return named


def nested(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"model.dropout": 0.1}`` into ``{"model": {"dropout": 0.1}}``, as Aim's queries need it."""
    tree: dict[str, Any] = {}
    for path, value in parameters.items():
        *above, last = path.split(".")
        branch = tree
        for part in above:
            branch = branch.setdefault(part, {})
        branch[last] = value
    return tree


def with_log10(table: Any) -> Any:
    """Add the logarithm of a learning rate: Aim's parallel coordinates and scatter plots have no such axis."""
    rate = table.get("learning_rate", 0) if isinstance(table, Mapping) else 0
    return {**table, "log10_learning_rate": math.log10(rate)} if rate > 0 else table


def escaped(text: str) -> str:
    """Return text that Markdown takes literally: names come from strangers."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~:/@&])", r"\\\1", " ".join(text.split()))


def text_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as text with aligned columns; a column is wherever a row has it."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [columns, *([_cell(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
