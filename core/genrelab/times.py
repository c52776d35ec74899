"""Where the time of a study goes: seconds of each kind of work, measured where it is done."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from genrelab.files import recall_json, write_json

T = TypeVar("T")

WORK = ("decode", "feature", "start", "train", "validate", "overhead", "ask", "log", "other")
"""Kinds of work, in the order in which they are shown."""
TITLE, HEADER = "Where the time of all processes went", ("work", "seconds", "share")
_KEEP_SECONDS = 10.0


class Times:
    """Seconds since this was made: of each kind of work, summed over the processes that do it.

    Beside the kinds of work, `wait` counts for how long the study's own process has waited for others, and
    `extract` how long extractions took. What is left of trainings is `overhead`; what is left of this process is
    `other`.
    """

    def __init__(self) -> None:
        self._begun = self._changed = self._kept = time.monotonic()
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._trainings = 0
        self._file: Path | None = None
        self._before: Mapping[str, float] = {}

    def open(self, file: Path) -> None:
        """Add to the times in a file, if it is there; from now on they are kept in it, up to some seconds."""
        self._file = file
        self._before = recall_json(file) or {}

    def add(self, kind: str, seconds: float) -> None:
        """Count seconds."""
        self._spent[kind] += seconds
        if time.monotonic() - self._kept > _KEEP_SECONDS:
            self.keep()

    @contextmanager
    def spent(self, kind: str) -> Iterator[None]:
        """Count the seconds within this context."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.add(kind, time.monotonic() - begun)

    def under_way(self, trainings: int) -> None:
        """Note how many trainings are under way from now on."""
        now = time.monotonic()
        self._spent["trainings"] += self._trainings * (now - self._changed)
        self._changed, self._trainings = now, trainings

    def total(self) -> dict[str, float]:
        """Return the seconds of each kind of work, and `wall`: those that have passed."""
        self.under_way(self._trainings)
        spent, wall = self._spent, time.monotonic() - self._begun
        extracted = min(spent["extract"], spent["decode"] + spent["feature"])  # processes do it at the same time
        own = wall - spent["ask"] - spent["log"] - spent["wait"] - extracted
        overhead = spent["trainings"] - spent["start"] - spent["train"] - spent["validate"]
        found = {kind: spent[kind] for kind in WORK} | {"overhead": overhead, "other": own, "wall": wall}
        # An epoch that another run has begun is counted when it ends; until then its begin is part of `overhead`.
        return {kind: max(0.0, self._before.get(kind, 0.0) + seconds) for kind, seconds in found.items()}

    def keep(self) -> None:
        """Write them down, where a file was opened."""
        self._kept = time.monotonic()
        if self._file:
            write_json(self._file, self.total())


def timed(work: Callable[..., T], *arguments: Any) -> tuple[T, float]:
    """Call a function; return what it returns, and the seconds that it took."""
    begun = time.monotonic()
    return work(*arguments), time.monotonic() - begun


def shares(total: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """Return what `Times.total` gave as rows of a table: kinds of work, their sum, and the time that has passed."""
    busy = sum(total[kind] for kind in WORK)
    rows = [(kind, f"{total[kind]:,.1f}", f"{total[kind] / busy:.1%}") for kind in WORK]
    return [
        *rows,
        ("all processes", f"{busy:,.1f}", "100.0%"),
        ("passed", f"{total['wall']:,.1f}", f"{busy / total['wall']:.1f} at once"),
    ]
