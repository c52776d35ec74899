"""Reporters of a study: called one by one, so that a failing one is named and the others, and the study, go on."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import pluggy

from genrelab.config.experiment import ReporterChoice
from genrelab.plugins.loading import listen
from genrelab.plugins.registry import Registry

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
    """The reporters of an experiment.

    Args:
        chosen: which.
        registry: resolves components.

    Raises:
        PluginError: a reporter has a hook that does not exist.
    """

    def __init__(self, chosen: Iterable[ReporterChoice], registry: Registry) -> None:
        built = ((c.name, registry.get("reporter", c.name).build(c.params)) for c in chosen)
        self._managers: dict[str, pluggy.PluginManager] = {n: listen(o, f"reporter {n}") for n, o in built}
        self.failed: dict[str, str] = {}
        """Name of a reporter that failed -> why. It is told only of the study's end after that."""

    def tell(self, event: Any) -> None:
        """Tell everyone; never raises."""
        hook = HOOKS[type(event).__name__]
        for name, manager in self._managers.items():
            if name in self.failed and hook != "on_study_end":
                continue
            try:
                tell(manager, event)
            except Exception as error:
                if name not in self.failed:
                    self.failed[name] = f"{type(error).__name__}: {error}"
                    print(f"warning: reporter {name!r} fails in {hook}: {self.failed[name]}", file=sys.stderr)  # noqa: T201
