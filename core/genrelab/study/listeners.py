"""Reporters of a study, each on a thread of its own: one that fails, or hangs, is named, and the study goes on."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import pluggy

from genrelab.awake import TICK, Awake
from genrelab.config.experiment import ReporterChoice
from genrelab.plugins.loading import listen
from genrelab.plugins.registry import Registry
from genrelab.texts import brief, printable

QUEUE_SIZE = 10_000
"""Events that may wait for a reporter; it is hours behind, or hangs, when there are more."""
CLOSE_SECONDS = 60.0
"""How long the end of a study waits for reporters that have not heard everything yet."""
HOOKS = {
    "StudyStart": "on_study_start",
    "TrialStart": "on_trial_start",
    "EpochEnd": "on_epoch_end",
    "TrialEnd": "on_trial_end",
    "StudyEnd": "on_study_end",
    "Exploration": "on_explore_end",
    "Compared": "on_comparison",
    "DashboardStart": "on_dashboard_start",
}


def tell(listener: pluggy.PluginManager, event: Any) -> list[Any]:
    """Call the hook of an event on one listener; return what it answers, and let what it raises through."""
    answers: list[Any] = getattr(listener.hook, HOOKS[type(event).__name__])(event=event)
    return answers


class Listeners:
    """The reporters of an experiment; a context, at whose end they have heard everything.

    Args:
        chosen: which.
        registry: resolves components.

    Raises:
        PluginError: a reporter that cannot be built, or has a hook that does not exist.
    """

    def __init__(self, chosen: Iterable[ReporterChoice], registry: Registry) -> None:
        built = [(c, registry.build("reporter", c.name, c.params)) for c in chosen]
        self._listeners = [_Listener(c.name, listen(o, f"reporter {c.name}"), c.background) for c, o in built]

    def tell(self, event: Any) -> None:
        """Tell everyone; neither raises nor waits, but for reporters in the foreground."""
        for listener in self._listeners:
            listener.tell(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Wait, for a bounded time, until all has been heard."""
        clock = Awake()
        for listener in self._listeners:
            listener.end()
        for listener in self._listeners:
            listener.wait(clock)


class _Listener:
    """One reporter. Once it has failed it is told only of the study's end; once it hangs, of nothing."""

    def __init__(self, name: str, manager: pluggy.PluginManager, background: bool) -> None:
        self._name, self._manager, self._background = name, manager, background
        self._events: queue.Queue[Any] = queue.Queue(QUEUE_SIZE)
        self._thread = threading.Thread(target=self._work, name=f"reporter {name}", daemon=True)
        self._failed, self._over = threading.Event(), threading.Event()

    def tell(self, event: Any) -> None:
        if not self._background:
            tell(self._manager, event)
            return
        if self._thread.ident is None:
            self._thread.start()
        self._put(event)

    def end(self) -> None:
        if self._thread.ident is not None:
            self._put(None)

    def wait(self, clock: Callable[[], float]) -> None:
        while self._thread.ident is not None and clock() < CLOSE_SECONDS and not self._over.wait(TICK):
            pass
        if self._thread.ident is not None and not self._over.is_set():
            self._fail(f"has not done {CLOSE_SECONDS:g} s after the last event")

    def _put(self, event: Any) -> None:
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._fail(f"is {QUEUE_SIZE} events behind")
            self._over.set()

    def _work(self) -> None:
        for event in iter(self._events.get, None):
            hook = HOOKS[type(event).__name__]
            if self._failed.is_set() and hook != "on_study_end":
                continue
            try:
                tell(self._manager, event)
            except BaseException as error:  # SystemExit as well: it is not for a reporter to end a study
                self._fail(f"fails in {hook}: {brief(error)}")
        self._over.set()

    def _fail(self, why: str) -> None:
        if not self._failed.is_set():
            self._failed.set()
            print(printable(f"warning: reporter {self._name!r} {why}"), file=sys.stderr)  # noqa: T201
