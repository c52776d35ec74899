"""SIGTERM and Ctrl-C, put off until what must not be left half done is done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Postponed:
    """Within this context SIGTERM and Ctrl-C are only noted; the last one takes its usual course at the end.

    A Ctrl-C after the first signal takes its usual course at once; SIGTERM often comes twice, to a group of
    processes and from the parent among them. Signals that the process ignores stay ignored, and outside the
    main thread, where Python handles no signals, nothing is put off.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._noted: int | None = None

    def requested(self) -> bool:
        """Tell whether a signal has come."""
        return self._noted is not None

    def __enter__(self) -> Postponed:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._noted is not None:
            signal.raise_signal(self._noted)

    def _note(self, number: int, _: object) -> None:
        self._noted = number
        if signal.SIGINT in self._before:
            signal.signal(signal.SIGINT, self._before[signal.SIGINT])


@contextmanager
def starting_process() -> Iterator[None]:
    """Within this context a spawned process is started: Ctrl-C and SIGTERM do not leave it half started.

    Until it unblocks SIGINT, a Ctrl-C in the terminal, which reaches the new process too, does nothing to it.
    """
    with Postponed():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
