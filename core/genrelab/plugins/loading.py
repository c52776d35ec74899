"""Load one plugin in isolation: whatever it does wrong ends in a PluginError that names file, line and cause.

Each plugin has a pluggy manager of its own. One broken entry point, one misspelt hook or one failing listener can
then not stop or silence another plugin, which a shared manager lets happen.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import hashlib
import re
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import attrs
import pluggy

from genrelab import hookspecs
from genrelab.components import KINDS, Component
from genrelab.errors import InputError
from genrelab.files import is_refusal
from genrelab.hookspecs import PROJECT
from genrelab.plugins.limits import USUAL, OverLimitError, limited
from genrelab.texts import brief, shortened

_NAME = re.compile(r"\w[\w.-]{0,99}")


class PluginError(InputError):
    """A plugin does not load or does not keep its promises."""


def listen(plugin: object, name: str) -> pluggy.PluginManager:
    """Register one object with a manager of its own, and refuse hooks that do not exist.

    Raises:
        PluginError: a hook with a name or an argument that genrelab does not have.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"{_misfit(error, plugin, name)}; the hooks are listed in docs/hooks.md") from error
    return manager


def _misfit(error: pluggy.PluginValidationError, plugin: object, name: str) -> str:
    """Say which hook does not fit, with file and line where there is one."""
    text = "; ".join(str(error).splitlines()).replace(f"Plugin {name!r} for ", "")
    unknown = re.match(r"unknown hook '(\w+)'", text)
    if unknown is None:
        return f"{name}: {text}"
    code = getattr(getattr(plugin, unknown[1], None), "__code__", None)
    place = f"{code.co_filename}:{code.co_firstlineno}" if code else name
    near = difflib.get_close_matches(
        unknown[1], [n for n in vars(hookspecs) if n.startswith(("provide_", "on_"))], 1
    )
    return f"{place}: {unknown[0]}" + (f" (did you mean {near[0]!r}?)" if near else "")


@functools.cache
def load_plugin(target: str) -> pluggy.PluginManager:
    """Import a module, or a Python file given by its path, and register it.

    Raises:
        PluginError: it does not import, or has a hook that does not exist.
    """
    with blamed(target):
        module = _import_file(Path(target)) if target.endswith(".py") else import_module(target)
    return listen(module, str(getattr(module, "__file__", None) or target))


@contextlib.contextmanager
def blamed(
    target: str, doing: str = "", passing: tuple[type[Exception], ...] = (), seconds: float = USUAL
) -> Iterator[None]:
    """Run code of a plugin within this context: what it does wrong, or without end, is told with file and line.

    Args:
        target: module or file of the plugin.
        doing: what it is asked for; empty: to be imported.
        passing: errors that it may raise.
        seconds: that it may take where the environment does not say.

    Raises:
        PluginError: it raises anything else, or takes too long, or too much memory.
    """
    try:
        with limited(f"{target}: {doing}".rstrip(": "), seconds):
            yield
    except passing:
        raise
    except OverLimitError as error:
        raise PluginError(f"{_place(error, target)}: {doing or 'import'} {error}") from error
    except (Exception, SystemExit) as error:  # a broken library raises anything, OSError among others
        if is_refusal(error):
            raise
        hint = "; install the package that has it" if isinstance(error, ModuleNotFoundError) else ""
        what = f"{doing} raises " if doing else ""
        cause = f"{what}{brief(error)}{hint}"
        raise PluginError(f"{_place(error, target)}: {cause}") from error


def components_of(manager: pluggy.PluginManager, kind: str) -> list[Component]:
    """Ask a loaded plugin for its components of a kind, and check what it returns.

    Raises:
        PluginError: the hook raises, or returns something else than components of that kind.
    """
    [(name, _)] = manager.list_name_plugin()
    hook = KINDS[kind].hook
    with blamed(name, hook):
        answers = getattr(manager.hook, hook)()
        found = [component for answer in answers for component in answer]
    for component in found:
        problem = _problem(component, KINDS[kind].component)
        if problem:
            raise PluginError(f"{name}: {hook}: {problem}")
    return found


def locate(target: str) -> Path | None:
    """Return the file of a module or path without importing the module itself; None where there is none."""
    if target.endswith(".py"):
        return Path(target)
    try:
        spec = find_spec(target)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _import_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise FileNotFoundError(f"no such file: {file}")
    digest = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]
    name = f"genrelab_file_{file.stem}_{digest}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"not a Python file: {file}")
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _problem(component: object, wanted: type) -> str | None:
    if not isinstance(component, wanted):
        return f"expected components of class {wanted.__name__}, got {shortened(repr(component))}"
    name, params = component.name, component.params  # type: ignore[attr-defined]
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        return f"expected a name of letters, digits, '.', '_' and '-', got {shortened(repr(name))}"
    if not callable(component.build):  # type: ignore[attr-defined]
        return f"{name}: build is no function, but {type(component.build).__name__}"  # type: ignore[attr-defined]
    if not (isinstance(params, type) and attrs.has(params)):
        return f"{name}: params must be a frozen attrs class, got {shortened(repr(params))}"
    without = [a.name for a in attrs.fields(params) if a.default is attrs.NOTHING]
    if without:
        return f"{name}: params without a default: {', '.join(without)}"
    try:
        attrs.resolve_types(params)
        params()
    except Exception as error:
        return f"{name}: params raise {brief(error)}"
    return None


def _place(error: BaseException, target: str) -> str:
    """Return ``file:line`` of the innermost line of the plugin itself, as far as the traceback tells."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    file = locate(target)
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if file and Path(f.filename) == file]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else str(file or target)
