"""Time that counts: of a process that is stopped, frozen, or asleep with its machine, a limit asks nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICK = 0.25
"""Seconds after which whoever holds a clock should look at it again."""
_MOST = 1.0  # seconds that count between two looks; a busy process may be late, a stopped one is later


class Awake:
    """A clock that counts seconds from when it was made; where nobody looks for more than one, only that one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds, self._last = 0.0, time.monotonic()

    def __call__(self) -> float:
        """Return the seconds so far."""
        with self._lock:
            now = time.monotonic()
            self._seconds += min(now - self._last, _MOST)
            self._last = now
            return self._seconds


@contextmanager
def ticking() -> Iterator[Awake]:
    """Return a clock that a thread looks at within this context, so that others need not."""
    clock, over = Awake(), threading.Event()

    def look() -> None:
        while not over.wait(TICK):
            clock()

    thread = threading.Thread(target=look, name="clock", daemon=True)
    thread.start()
    try:
        yield clock
    finally:
        over.set()
        thread.join()


def is_stopped(process: int) -> bool:
    """Tell whether a process is stopped, by a signal or a debugger; False where the system does not tell."""
    try:
        stat = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] in (b"T", b"t")
