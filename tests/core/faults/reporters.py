"""Reporters with one fault each, and one without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genrelab import Reporter, hookimpl
from tests.core.faults import Fault, Params


class Listener:
    """A reporter with a fault in one hook."""

    def __init__(self, fault: Callable[[Any], Any]) -> None:
        self.fault = fault

    @hookimpl
    def on_epoch_end(self, event: Any) -> None:
        self.fault(event)


class NeedsStart:
    @hookimpl
    def on_study_start(self, event: Any) -> None:
        self.study = event.study

    @hookimpl
    def on_epoch_end(self, event: Any) -> None:
        print(self.study)


class NeedsObjective:
    @hookimpl
    def on_trial_end(self, event: Any) -> None:
        print(event.metrics["validation"]["loss"])


class Misspelt:
    @hookimpl
    def on_epoch_ends(self, event: Any) -> None: ...


def reporter(build: Callable[[], Any]) -> Reporter:
    return Reporter("fault", Params, lambda params: build())


FAULTS: list[Fault] = [
    ("hooks", reporter(Misspelt), "on_epoch_ends"),
    ("hooks", reporter(object), "listens to nothing"),
    ("any_order", reporter(NeedsStart), "has no attribute 'study' in on_epoch_end"),
    ("bad_ends", reporter(NeedsObjective), "KeyError: 'validation' in on_trial_end, for a training that is "),
    ("strange_values", reporter(lambda: Listener(lambda e: int(e.metrics["train"]["loss"]))), "ValueError"),
    ("events_untouched", reporter(lambda: Listener(lambda e: e.metrics.clear())), "changes EpochEnd, TrialEnd"),
]
GOOD = reporter(lambda: Listener(lambda event: None))
