"""The checks as parameters of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from genrelab.components import KINDS, Component
from genrelab.plugins.loading import components_of, load_plugin
from genrelab.testing.checks import Check, ConformanceError, checks_of

Plugin = Component | Iterable[Component] | ModuleType | Path | str


def parametrize_with_checks(plugin: Plugin, **params: Any) -> Callable[[Any], Any]:
    """Run a test once for each check of each component of a plugin; the test gets ``check`` and calls it.

    A check that a component says it fails (`known_failures`) is expected to fail, and its reason is shown; once it
    passes, the test fails, so that the list stays true.

    Args:
        plugin: a Python file, a module or its name, a component, or several.
        params: parameters to build the components with where the defaults do not do.

    Raises:
        PluginError: the plugin does not load.
    """
    import pytest

    checks = [check for component in _components(plugin) for check in checks_of(component, **params)]
    return pytest.mark.parametrize("check", [_param(check) for check in checks])


def _param(check: Check) -> Any:
    import pytest

    known = [pytest.mark.xfail(reason=check.known, raises=ConformanceError, strict=True)] if check.known else []
    return pytest.param(check, marks=known, id=f"{check.component.name}-{check.name}")


def _components(plugin: Plugin) -> list[Component]:
    if isinstance(plugin, ModuleType):
        plugin = plugin.__name__
    if isinstance(plugin, Path | str):
        manager = load_plugin(str(plugin))
        return [component for kind in KINDS for component in components_of(manager, kind)]
    return list(plugin) if isinstance(plugin, Iterable) else [plugin]
