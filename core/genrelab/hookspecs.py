"""The hooks of genrelab, called through pluggy.

`provide_*` hooks take no arguments and return components; the registry calls them on one plugin at a time, when a
name of that plugin is first asked for. `on_*` hooks are called on every reporter while a study runs and when it is
compared, one reporter after the other, in the process that does so (never in a training process).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from genrelab import components, events

PROJECT = "genrelab"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def provide_datasets() -> Iterable[components.Dataset]:  # type: ignore[empty-body]
    """Return the datasets of this plugin."""


@hookspec
def provide_features() -> Iterable[components.Feature]:  # type: ignore[empty-body]
    """Return the features of this plugin."""


@hookspec
def provide_augmentations() -> Iterable[components.Augmentation]:  # type: ignore[empty-body]
    """Return the augmentations of this plugin."""


@hookspec
def provide_models() -> Iterable[components.Model]:  # type: ignore[empty-body]
    """Return the models of this plugin."""


@hookspec
def provide_schedulers() -> Iterable[components.Scheduler]:  # type: ignore[empty-body]
    """Return the schedulers of this plugin."""


@hookspec
def provide_reporters() -> Iterable[components.Reporter]:  # type: ignore[empty-body]
    """Return the reporters of this plugin."""


@hookspec
def provide_executors() -> Iterable[components.Executor]:  # type: ignore[empty-body]
    """Return the executors of this plugin."""


@hookspec
def on_study_start(event: events.StudyStart) -> None:
    """Called once, after the data is ready and before the first trial, also when a study goes on."""


@hookspec
def on_trial_start(event: events.TrialStart) -> None:
    """Called when a training is handed to the executor."""


@hookspec
def on_epoch_end(event: events.EpochEnd) -> None:
    """Called after each epoch of each training, in order within a training."""


@hookspec
def on_trial_end(event: events.TrialEnd) -> None:
    """Called when a training has ended, well or badly."""


@hookspec
def on_study_end(event: events.StudyEnd) -> None:
    """Called once at the end, also when the study is interrupted."""


@hookspec
def on_explore_end(event: events.Exploration) -> None:
    """Called once when the dataset of an experiment was explored; no other hook is called then."""


@hookspec
def on_comparison(event: events.Compared) -> None:
    """Called when the candidates of a study have been compared, or its report has been written."""


@hookspec
def on_dashboard_start(event: events.DashboardStart) -> Mapping[str, str]:  # type: ignore[empty-body]
    """Called before the dashboard is served; return pages to go to: title -> path after the address."""
