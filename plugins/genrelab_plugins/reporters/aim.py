"""Mirror studies and explorations into an Aim repository, where people look at them; files stay the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from genrelab import (
    Compared,
    DashboardStart,
    EpochEnd,
    Exploration,
    Reporter,
    StudyEnd,
    StudyStart,
    TrialEnd,
    TrialStart,
    hookimpl,
    setting,
)

Event = StudyStart | TrialStart | EpochEnd | TrialEnd | StudyEnd | Compared | Exploration


@attrs.frozen
class Params:
    """Where the Aim repository is, and who waits for it."""

    repo: str = setting("runs", help="folder that holds the Aim repository (.aim); made where it is missing")
    background: bool = setting(True, help="whether Aim can neither delay nor fail the study; else both")


class Writer(Protocol):
    """Where events go: `_aim_mirror.Mirror`, or `_aim_thread.Background` before it."""

    def take(self, event: Event) -> None:
        """Write an event."""

    def close(self) -> None:
        """Return when all is written."""


class AimReporter:
    """Hands the events of a study to a writer, and what comes without a study to one of its own."""

    def __init__(self, repo: Path, background: bool) -> None:
        self._repo, self._background = repo, background
        self._writer: Writer | None = None

    @hookimpl
    def on_study_start(self, event: StudyStart) -> None:
        """Open the study's run; Aim itself is imported here, or on the thread."""
        self._writer = self._open()
        self._writer.take(event)

    @hookimpl
    def on_trial_start(self, event: TrialStart) -> None:
        """Open the training's run."""
        self._take(event)

    @hookimpl
    def on_epoch_end(self, event: EpochEnd) -> None:
        """Track the epoch's metrics."""
        self._take(event)

    @hookimpl
    def on_trial_end(self, event: TrialEnd) -> None:
        """Write the summary and confusion matrices, close the training's run."""
        self._take(event)

    @hookimpl
    def on_study_end(self, event: StudyEnd) -> None:
        """Write the results and wait, in the background for a bounded time, until all is written."""
        self._take(event)
        if self._writer:
            self._writer.close()
        self._writer = None

    @hookimpl
    def on_comparison(self, event: Compared) -> None:
        """Write the verdict and the figures, if the study is in Aim, and wait as at the end of a study."""
        if (self._repo / ".aim").is_dir():
            self._take_alone(event)

    @hookimpl
    def on_explore_end(self, event: Exploration) -> None:
        """Write facts and pictures, and wait as at the end of a study."""
        self._take_alone(event)

    @hookimpl
    def on_dashboard_start(self, event: DashboardStart) -> Mapping[str, str]:
        """Make the bookmarks; return the reviews of the studies."""
        from genrelab_plugins.reporters._aim_bookmarks import prepare_review

        return prepare_review(event.folder)

    def _open(self) -> Writer:
        if self._background:
            from genrelab_plugins.reporters._aim_thread import Background

            return Background(self._repo)
        from genrelab_plugins.reporters._aim_mirror import Mirror

        return Mirror(self._repo)

    def _take_alone(self, event: Compared | Exploration) -> None:
        writer = self._open()
        writer.take(event)
        writer.close()

    def _take(self, event: Event) -> None:
        if self._writer:
            self._writer.take(event)


def build(params: Params) -> AimReporter:
    """Return the reporter; nothing of Aim is imported yet."""
    return AimReporter(Path(params.repo), params.background)


@hookimpl
def provide_reporters() -> list[Reporter]:
    """Provide the reporter ``aim``."""
    return [Reporter("aim", Params, build)]
