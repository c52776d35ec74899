"""A check: one promise of one component. The promises themselves are in a module for each kind."""

from __future__ import annotations

import contextlib
import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NoReturn
from unittest import SkipTest

import attrs

from genrelab.components import KINDS, Component, Kind
from genrelab.errors import InputError
from genrelab.params import specs
from genrelab.plugins.limits import USUAL, OverLimitError, limited
from genrelab.plugins.registry import guess
from genrelab.texts import brief

Promise = Callable[[Any, Any], None]
"""(component, parameters to build it with): raises where the component does not do what the docstring says."""


class ConformanceError(AssertionError):
    """A component breaks a promise; the message names component, check, file, what is wrong and the fix."""


class BrokenError(Exception):
    """What a promise raises: what is wrong, and how to put it right."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


def require(held: bool, what: str, fix: str) -> None:
    """Go on where something holds, else say what is wrong and how to put it right."""
    if not held:
        raise BrokenError(what, fix)


@contextlib.contextmanager
def blaming(where: str, fix: str) -> Iterator[None]:
    """Say of whatever is raised within where it was and how to put it right."""
    try:
        yield
    except (BrokenError, SkipTest):
        raise
    except Exception as error:  # whatever a plugin can raise
        raise BrokenError(f"{brief(error)} {where}", fix) from error


def skip(reason: str) -> NoReturn:
    """Leave a check out where it cannot be done; pytest shows it as skipped."""
    raise SkipTest(reason)


@attrs.frozen
class Outcome:
    """What came of a check."""

    state: Literal["ok", "failed", "known", "skipped"]
    """known: it fails, as the component says."""
    message: str = ""


@attrs.frozen
class Check:
    """One promise of one component; calling it raises `ConformanceError` where it is broken."""

    component: Component
    params: Any
    """What the component is built with."""
    promise: Promise

    @property
    def name(self) -> str:
        """Name of the check, as in `known_failures`."""
        return self.promise.__name__

    @property
    def known(self) -> str | None:
        """Why the component is known to fail this check; None where it is not."""
        return self.component.known_failures.get(self.name)

    def __call__(self) -> None:
        """Do the check.

        Raises:
            ConformanceError: the promise is broken.
            unittest.SkipTest: it cannot be checked here.
        """
        try:
            with limited(f"{self.component.name}: {self.name}", USUAL):
                self.promise(self.component, self.params)
        except SkipTest:
            raise
        except OverLimitError as error:
            raise self._broken(f"it {error}", "let it come to an end", error) from error
        except BrokenError as error:
            raise self._broken(str(error), error.fix, error.__cause__) from error
        except Exception as error:  # whatever a plugin can raise
            wanted = (self.promise.__doc__ or "").splitlines()[0]
            raise self._broken(brief(error), f"what it must do: {wanted}", error) from error

    def outcome(self) -> Outcome:
        """Do the check, and tell what came of it, whatever that is."""
        try:
            self()
        except SkipTest as reason:
            return Outcome("skipped", str(reason))
        except ConformanceError as error:
            return Outcome("known", self.known) if self.known else Outcome("failed", str(error))
        if self.known:
            return Outcome("failed", f"{self.name} is in known_failures, but holds\n  fix: take it out")
        return Outcome("ok")

    def _broken(self, what: str, fix: str, cause: BaseException | None) -> ConformanceError:
        key, place = f"{_kind(self.component).name}/{self.component.name}", _place(self.component, cause)
        return ConformanceError(f"{key}: {self.name}: {place}: {what}\n  fix: {fix}")


def checks_of(component: Component, **params: Any) -> list[Check]:
    """Return the checks of a component.

    Args:
        component: of any kind.
        params: parameters to build it with where the defaults do not do, such as the folder of a dataset.

    Raises:
        InputError: it says of a check that does not exist that it fails it.
    """
    promises = import_module(f"genrelab.testing.{_kind(component).plural}").CHECKS
    checks = [Check(component, component.params(**params), promise) for promise in promises]
    names = [check.name for check in checks]
    for name in component.known_failures:
        if name not in names:
            raise InputError(f"{component.name}: known_failures: there is no check {name!r}{guess(name, names)}")
    return checks


def variations(params: Any) -> Iterator[tuple[str, Any]]:
    """Yield (text, parameters) with each `tunable` at both ends of its range and each `one_of` at every choice."""
    for name, (attribute, spec) in specs(type(params)).items():
        ends = (spec.low, spec.high) if spec.kind == "range" else spec.choices
        for end in ends:
            value = float(end) if attribute.type is float else end  # type: ignore[arg-type]
            yield f"{name}={value!r}", attrs.evolve(params, **{name: value})


def _kind(component: Component) -> Kind:
    return next(kind for kind in KINDS.values() if isinstance(component, kind.component))


def _place(component: Component, error: BaseException | None) -> str:
    """Return ``file:line`` of the plugin's innermost line in a traceback, or of the function that builds."""
    build = inspect.unwrap(component.build)
    while isinstance(build, functools.partial):
        build = build.func
    try:
        file, (_, line) = inspect.getsourcefile(build), inspect.getsourcelines(build)
    except (TypeError, OSError):  # no Python function or class, or its source is not there
        return str(inspect.getmodule(build))
    frames = traceback.extract_tb(error.__traceback__) if error else ()
    inside = [f.lineno for f in frames if file and Path(f.filename) == Path(file)]
    return f"{file}:{inside[-1] if inside else line}"
