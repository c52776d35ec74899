"""``--set key=value``: change the plain tables of an experiment before they are checked."""

from __future__ import annotations

import tomllib
from typing import Any

from genrelab.config.structure import describe
from genrelab.errors import InputError
from genrelab.plugins.registry import guess


def override_value(data: dict[str, Any], text: str) -> None:
    """Apply one ``key=value`` to the plain tables of an experiment, in place.

    The value is read as TOML, or taken as a text where it is none. A part of the key that stands at a list of
    tables is the name or the index of one: ``candidate.cnn1d_gru.model.hidden_dim=32``.

    Raises:
        InputError: no ``=``, or a key that leads into something that is no table.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {text}: expected key=value, such as train.epochs=5")
    parts = _parts(key.strip(), text)
    here: Any = data
    for part in parts[:-1]:
        here = _enter(here, part, text)
    if not isinstance(here, dict):
        raise InputError(f"--set {text}: {'.'.join(parts[:-1])} is no table")
    try:
        here[parts[-1]] = tomllib.loads(f"value = {value}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        here[parts[-1]] = value


def _parts(key: str, text: str) -> list[str]:
    """Take a dotted key apart as TOML does, quotes included: ``search.space."model.dropout".low``."""
    parts = []
    try:
        here: Any = tomllib.loads(f"{key} = 0")
        while isinstance(here, dict):
            [(part, here)] = here.items()  # none, or several, where the key is more than a key
            parts.append(part)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--set {text}: the key cannot be read: {error}") from error
    return parts


def _enter(here: Any, part: str, text: str) -> Any:
    if isinstance(here, dict):
        return here.setdefault(part, {})
    if isinstance(here, list):
        for index, item in enumerate(here):
            if part == str(index) or (isinstance(item, dict) and item.get("name") == part):
                return item
        names = [str(item.get("name")) for item in here if isinstance(item, dict)]
        raise InputError(f"--set {text}: nothing is called {part!r}{guess(part, names)}")
    raise InputError(f"--set {text}: {part!r} cannot be set within {describe(here)}")
