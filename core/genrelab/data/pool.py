"""Work spread over processes that may die: what they worked on is tried again alone, the rest goes on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

import attrs

from genrelab.errors import WorkError

T = TypeVar("T")
R = TypeVar("R")


@attrs.frozen
class Pool(Generic[T, R]):
    """Spawned processes that apply a function, each computing with one thread.

    Attributes:
        work: applied to each item; picklable, and so are items and results.
        start: called once in each process; picklable.
        workers: how many processes.
    """

    work: Callable[[T], R]
    start: Callable[[], None]
    workers: int

    def results(self, items: Iterable[T]) -> Iterator[tuple[T, R | None]]:
        """Yield each item with its result as they are done; None where the item kills its process, even alone.

        Items are taken from the iterable as processes get free, about two a worker at a time.

        Raises:
            WorkError: every item that was tried again killed its process: the cause is not the items.
        """
        items = iter(items)
        while lost := (yield from self._until_death(items, self.workers, 2 * self.workers + 1)):
            deadly = []
            again = iter(lost)
            while died := (yield from self._until_death(again, 1, 1)):
                deadly += died
            if 2 < len(lost) == len(deadly):
                raise WorkError(
                    "worker processes die whatever they work on: is memory short, or an installed library broken? "
                    f"(last on {deadly[-1]})"
                )
            yield from ((item, None) for item in deadly)

    def _until_death(self, items: Iterator[T], workers: int, at_once: int) -> Generator[tuple[T, R], None, list[T]]:
        """Yield results until all is done or a process dies; return the items that were in work then."""
        running: dict[Future[R], T] = {}
        taken: list[T] = []
        with _executor(self.start, workers) as executor:
            try:
                while True:
                    while len(running) < at_once and (taken := list(islice(items, 1))):
                        running[executor.submit(self.work, taken[0])] = taken[0]
                        taken = []
                    if not running:
                        return []
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        result = future.result()
                        yield running.pop(future), result
            except BrokenProcessPool:
                return [*running.values(), *taken]


@contextmanager
def _executor(start: Callable[[], None], workers: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")  # forking a process that has threads (torch) can deadlock
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # numpy's BLAS reads it when imported, before `start` could say so
    executor = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(start,))
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _start(start: Callable[[], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders write notes to stderr, through the progress bar
    start()


def _end_with_parent() -> None:
    """End this process when its parent is killed: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
