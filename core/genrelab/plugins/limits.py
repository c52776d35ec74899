"""How long the code of a plugin may take to load and to build, and how much memory: it is ended, and named.

A thread watches. It sends the main thread a signal, which ends a wait as well as a loop; code in C that never comes
back to Python takes the process with it, after the name is told. Elsewhere than in the main thread, where Python
handles no signals, nothing is limited.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genrelab.awake import Awake
from genrelab.errors import InputError

SECONDS = "GENRELAB_PLUGIN_SECONDS"
"""Environment variable: seconds that a component may take to be built."""
USUAL = 600.0
"""Seconds that it may take where the variable does not say."""
_SHARE = 0.9  # of the memory that is free before
_GRACE = 30.0  # seconds between the signal and the end of the process
_POLL = 0.1
_AGAIN = 1.0  # seconds between signals: a plugin may go on in spite of the first, and Python loses some
_SIGNAL = signal.SIGALRM
_STATM, _MEMINFO = Path("/proc/self/statm"), Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


class OverLimitError(BaseException):
    """Raised in code that is over its limit; no Exception, for plugins catch those."""


@contextlib.contextmanager
def limited(what: str, usual: float) -> Iterator[None]:
    """Raise OverLimitError in what takes too long, or too much memory, within this context.

    Args:
        what: for people: which plugin it is.
        usual: seconds that it may take where the environment does not say.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch = _Watch(what, usual)
    before = signal.signal(_SIGNAL, watch.interrupt)
    watch.start()
    try:
        try:
            yield
        finally:
            watch.over.set()
    finally:  # also where the signal comes just before the line above
        watch.over.set()
        watch.join()
        signal.signal(_SIGNAL, before)


class _Watch(threading.Thread):
    """Signals the main thread from the moment that a limit is reached, until that heeds it."""

    def __init__(self, what: str, usual: float) -> None:
        super().__init__(name="plugin limits", daemon=True)
        self.over = threading.Event()
        self._what, self._main = what, threading.get_ident()
        self._seconds = _seconds(usual)
        self._awake, self._bytes = Awake(), resident()
        self._most = _SHARE * free_memory()
        self._why = ""

    def run(self) -> None:
        """Watch."""
        while not self._why and not self.over.wait(_POLL):
            self._why = self._exceeded()
        until = self._awake() + _GRACE
        while not self.over.is_set():
            signal.pthread_kill(self._main, _SIGNAL)
            self.over.wait(_AGAIN)
            if self._awake() > until and not self.over.is_set():
                print(f"error: {self._what} {self._why}, and does not come back to Python", file=sys.stderr)  # noqa: T201
                os._exit(2)

    def interrupt(self, *_: Any) -> None:
        """Handle the signal."""
        if self._why and not self.over.is_set():
            raise OverLimitError(self._why)

    def _exceeded(self) -> str:
        if self._awake() > self._seconds:
            return f"takes longer than {self._seconds:g} s (set {SECONDS} to allow more)"
        if (grown := resident() - self._bytes) > self._most:
            return f"takes {grown / 2**30:.1f} GiB, nearly all the memory that is free"
        return ""


def _seconds(usual: float) -> float:
    text = os.environ.get(SECONDS) or str(usual)
    with contextlib.suppress(ValueError):
        if (seconds := float(text)) > 0:
            return seconds
    raise InputError(f"{SECONDS}: {text!r} is no number of seconds above 0")


def resident() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def free_memory() -> float:
    """Return the bytes that this process could still take, of the machine or, where that is less, its container."""
    try:
        lines = dict(line.split(":") for line in _MEMINFO.read_text().splitlines())
    except OSError:
        return float("inf")
    free = float(lines["MemAvailable"].split()[0]) * 1024
    with contextlib.suppress(OSError, ValueError, KeyError):  # no container, or one without a limit
        used = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        free = min(free, int((_CGROUP / "memory.max").read_text()) - int(used["anon"]))
    return free
