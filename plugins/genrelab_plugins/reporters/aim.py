"""Mirror studies and explorations into an Aim repository, where people look at them; files stay the truth."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import attrs

from genrelab import EpochEnd, Exploration, Reporter, StudyEnd, StudyStart, TrialEnd, TrialStart, hookimpl, setting

Event = StudyStart | TrialStart | EpochEnd | TrialEnd | StudyEnd
Events = queue.Queue[Event | None]
E = TypeVar("E", StudyStart, Exploration)

QUEUE_SIZE = 10_000
"""Events that may wait; Aim is hours behind or hung when there are more."""
CLOSE_SECONDS = 60.0
"""How long the end of a study waits for Aim to write what still waits."""

log = logging.getLogger(__name__)


@attrs.frozen
class Params:
    """Where the Aim repository is."""

    repo: str = setting("runs", help="folder that holds the Aim repository (.aim); made where it is missing")


class AimReporter:
    """Hands every event to a thread that alone works with Aim, so that the study neither waits nor fails for it.

    The first error of Aim, whatever it is, ends the mirror with one warning.
    """

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        self._events: Events = queue.Queue(QUEUE_SIZE)
        self._over = threading.Event()
        """Set once all is written, or will not be; before the first study too."""
        self._over.set()
        self._stopping = threading.Lock()

    @hookimpl
    def on_study_start(self, event: StudyStart) -> None:
        """Start the thread; Aim itself is imported there."""
        self._start(self._mirror, event)

    @hookimpl
    def on_trial_start(self, event: TrialStart) -> None:
        """Open the training's run."""
        self._put(event)

    @hookimpl
    def on_epoch_end(self, event: EpochEnd) -> None:
        """Track the epoch's metrics."""
        self._put(event)

    @hookimpl
    def on_trial_end(self, event: TrialEnd) -> None:
        """Write the summary and confusion matrices, close the training's run."""
        self._put(event)

    @hookimpl
    def on_study_end(self, event: StudyEnd) -> None:
        """Write the results and wait, for a bounded time, until all is written."""
        self._put(event)
        self._put(None)
        self._finish()

    @hookimpl
    def on_explore_end(self, event: Exploration) -> None:
        """Write facts and pictures, and wait, for a bounded time, until all is written."""
        self._start(self._explored, event)
        self._finish()

    def _start(self, work: Callable[[E], None], event: E) -> None:
        self._events, self._over = queue.Queue(QUEUE_SIZE), threading.Event()
        threading.Thread(target=self._attempt, args=(work, event), name="aim", daemon=True).start()

    def _finish(self) -> None:
        if not self._over.wait(CLOSE_SECONDS):
            self._stop(f"not done {CLOSE_SECONDS:.0f} s after the end")

    def _put(self, event: Event | None) -> None:
        if self._over.is_set():
            return
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._stop(f"{QUEUE_SIZE} events wait to be written")

    def _attempt(self, work: Callable[[E], None], event: E) -> None:
        try:
            work(event)
            self._over.set()
        except Exception as error:
            self._stop(f"{type(error).__name__}: {error}".rstrip(": "))

    def _mirror(self, start: StudyStart) -> None:
        from genrelab_plugins.reporters._aim_mirror import Mirror

        mirror = Mirror(self._repo, start)
        for event in iter(self._events.get, None):
            mirror.take(event)
        mirror.close()

    def _explored(self, event: Exploration) -> None:
        from genrelab_plugins.reporters._aim_exploration import write

        write(self._repo, event)

    def _stop(self, why: str) -> None:
        with self._stopping:
            if not self._over.is_set():
                log.warning(
                    "Aim mirror in %s is off, the rest goes on (all files are complete): %s", self._repo, why
                )
            self._over.set()


def build(params: Params) -> AimReporter:
    """Return the reporter; nothing of Aim is imported yet."""
    return AimReporter(Path(params.repo))


@hookimpl
def provide_reporters() -> list[Reporter]:
    """Provide the reporter ``aim``."""
    return [Reporter("aim", Params, build)]
