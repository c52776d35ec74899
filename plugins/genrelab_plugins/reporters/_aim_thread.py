"""A thread that alone works with Aim, so that a study neither waits nor fails for it."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path
from typing import Any

QUEUE_SIZE = 10_000
"""Events that may wait; Aim is hours behind or hung when there are more."""
CLOSE_SECONDS = 60.0
"""How long the end of a study waits for Aim to write what still waits."""

log = logging.getLogger("genrelab_plugins.reporters.aim")


class Background:
    """Takes events at once and writes them on its thread; Aim itself is imported there.

    The first error of Aim, whatever it is, ends the mirror with one warning.
    """

    def __init__(self, repo: Path) -> None:
        self._repo = repo
        self._events: queue.Queue[Any] = queue.Queue(QUEUE_SIZE)
        self._over = threading.Event()
        """Set once all is written, or will not be."""
        self._stopping = threading.Lock()
        threading.Thread(target=self._work, name="aim", daemon=True).start()

    def take(self, event: object) -> None:
        """Put an event into the queue; never waits."""
        if self._over.is_set():
            return
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._stop(f"{QUEUE_SIZE} events wait to be written")

    def close(self) -> None:
        """Wait, for a bounded time, until all is written."""
        self.take(None)
        if not self._over.wait(CLOSE_SECONDS):
            self._stop(f"not done {CLOSE_SECONDS:.0f} s after the last event")

    def _work(self) -> None:
        try:
            from genrelab_plugins.reporters._aim_mirror import Mirror

            mirror = Mirror(self._repo)
            for event in iter(self._events.get, None):
                mirror.take(event)
            mirror.close()
            self._over.set()
        except Exception as error:
            self._stop(f"{type(error).__name__}: {error}".rstrip(": "))

    def _stop(self, why: str) -> None:
        with self._stopping:
            if not self._over.is_set():
                log.warning(
                    "Aim mirror in %s is off, the rest goes on (all files are complete): %s", self._repo, why
                )
            self._over.set()
