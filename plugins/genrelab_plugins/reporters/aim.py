"""Mirror studies and explorations into an Aim repository, where people look at them; files stay the truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from genrelab_plugins.reporters._aim_mirror import Mirror

Event = StudyStart | TrialStart | EpochEnd | TrialEnd | StudyEnd | Compared | Exploration


@attrs.frozen
class Params:
    """Where the Aim repository is."""

    repo: str = setting("runs", help="folder that holds the Aim repository (.aim); made where it is missing")


class AimReporter:
    """Hands the events of a study to its mirror, and what comes without a study to one of its own."""

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        self._mirror: Mirror | None = None

    @hookimpl
    def on_study_start(self, event: StudyStart) -> None:
        """Open the study's run; Aim itself is imported here."""
        self._mirror = self._open()
        self._mirror.take(event)

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
        """Write the results and close all runs."""
        self._take(event)
        if self._mirror:
            self._mirror.close()
        self._mirror = None

    @hookimpl
    def on_comparison(self, event: Compared) -> None:
        """Write the verdict and the figures, if the study is in Aim."""
        if (self._repo / ".aim").is_dir():
            self._take_alone(event)

    @hookimpl
    def on_explore_end(self, event: Exploration) -> None:
        """Write facts and pictures."""
        self._take_alone(event)

    @hookimpl
    def on_dashboard_start(self, event: DashboardStart) -> Mapping[str, str]:
        """Make the bookmarks; return the reviews of the studies."""
        from genrelab_plugins.reporters._aim_bookmarks import prepare_review

        return prepare_review(event.folder)

    def _open(self) -> Mirror:
        from genrelab_plugins.reporters._aim_mirror import Mirror

        return Mirror(self._repo)

    def _take_alone(self, event: Compared | Exploration) -> None:
        mirror = self._open()
        mirror.take(event)
        mirror.close()

    def _take(self, event: Event) -> None:
        if self._mirror:
            self._mirror.take(event)


def build(params: Params) -> AimReporter:
    """Return the reporter; nothing of Aim is imported yet."""
    return AimReporter(Path(params.repo))


@hookimpl
def provide_reporters() -> list[Reporter]:
    """Provide the reporter ``aim``."""
    return [Reporter("aim", Params, build)]
