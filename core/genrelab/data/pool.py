"""Work spread over processes that may die or hang: only what they worked on is lost, the rest goes on."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, InvalidStateError, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar
from weakref import WeakSet

import attrs
from pebble import ProcessExpired, ProcessPool

from genrelab.awake import TICK, Awake, is_stopped
from genrelab.errors import WorkError
from genrelab.interrupts import starting_process

T = TypeVar("T")
R = TypeVar("R")

_TRIES = 2  # an item that was lost is tried again: another program may have taken the memory, or the time
_SUSPICIOUS = 5  # so many items in a row that kill their process, and it is not the items

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # numpy's BLAS reads it when imported, before `start` could say so
    # glibc gives freed memory back to the system at once and takes 2,500 page faults a clip to get it again, an
    # eighth of the time of an extraction; so it keeps what it has, up to 256 MiB.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 27),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28),
}


class Lost(NamedTuple):
    """Why an item has no result."""

    reason: Literal["crashed", "timeout"]
    message: str


_CRASHED = Lost("crashed", "ends the process that works on it, also when tried again")


@attrs.frozen
class Pool(Generic[T, R]):
    """Spawned processes that apply a function, each computing with one thread.

    Attributes:
        work: applied to each item; picklable, and so are items and results.
        start: called once in each process; picklable.
        workers: how many processes.
        limit: seconds that an item may take; then its process is killed. Those in which this process, or one that
            works, is stopped do not count.
    """

    work: Callable[[T], R]
    start: Callable[[], None]
    workers: int
    limit: float

    def results(self, items: Iterable[T]) -> Iterator[tuple[T, R | Lost]]:
        """Yield each item with its result as they are done; `Lost` where it twice kills its process or hangs.

        Items are taken from the iterable as processes get free, about two a worker at a time. Those that were in
        work when a process died are tried again one at a time, so that none answers for another; and so are those
        whose time was over, because others may have taken the machine.

        Raises:
            WorkError: processes cannot start, or die on one item after the other: the cause is not the items.
        """
        items, again, held = iter(items), list[T](), list[T]()
        tries: dict[T, int] = {}
        running: dict[Future[R], T] = {}
        with _Processes(self.start, self.workers) as processes:
            watch = _Watch(self.limit, processes)
            while True:
                for item in self._next(items, again, len(running)):
                    running[processes.schedule(self.work, item)] = item
                if not running:
                    break
                done = wait(running, TICK, FIRST_COMPLETED).done or processes.forgotten(running)
                watch.look(running)
                for future in [f for f in running if f in done]:  # in order: `done` is a set
                    item = running.pop(future)
                    outcome = self._outcome(future, processes)
                    if isinstance(outcome, Lost):
                        tries[item] = tries.get(item, 0) + 1
                        if tries[item] < _TRIES:
                            again.append(item)
                            continue
                    if outcome is _CRASHED:
                        held.append(item)
                        _check_cause(held)
                        continue
                    yield item, outcome
                    yield from _crashed(held)
        yield from _crashed(held)

    def _next(self, items: Iterator[T], again: list[T], running: int) -> Iterator[T]:
        if not again:
            yield from islice(items, max(0, 2 * self.workers + 1 - running))
        elif not running:
            yield again.pop(0)

    def _outcome(self, future: Future[R], processes: _Processes) -> R | Lost:
        """Return what became of an item."""
        try:
            return future.result()
        except ProcessExpired:
            return _CRASHED
        except CancelledError:
            return Lost("timeout", f"takes longer than {self.limit:.0f} s")
        except BrokenProcessPool as error:
            if processes.have_started():
                return _CRASHED
            raise WorkError("worker processes cannot start: is memory short, or a library broken?") from error


class _Watch:
    """Cancels what takes too long, so that its process is killed. The limits of pebble go on while all is stopped.

    Args:
        limit: seconds that an item may take.
        processes: that work.
    """

    def __init__(self, limit: float, processes: _Processes) -> None:
        self._limit, self._processes = limit, processes
        self._clock, self._last = Awake(), 0.0
        self._taken: dict[Future[Any], float] = {}

    def look(self, running: Iterable[Future[Any]]) -> None:
        """Count the seconds since the last look for what has been worked on all the time."""
        if (now := self._clock()) - self._last < TICK:
            return
        passed, self._last = now - self._last, now
        if self._processes.any_stopped():
            passed = 0.0
        at_work = [future for future in running if future.running()]
        self._taken = {f: self._taken[f] + passed if f in self._taken else 0.0 for f in at_work}
        for future, taken in self._taken.items():
            if taken > self._limit:
                future.cancel()


def no_preparation() -> None:
    """Start a process that needs nothing; here, where no process must import more than its work does."""


def _check_cause(held: list[T]) -> None:
    if len(held) >= _SUSPICIOUS:
        raise WorkError(
            "worker processes die whatever they work on: is memory short, or an installed library broken? "
            f"(last on {held[-1]})"
        )


def _crashed(held: list[T]) -> Iterator[tuple[T, Lost]]:
    """Give up the items held back: others succeeded, or they are few, so they are to blame."""
    while held:
        yield held.pop(0), _CRASHED


class _Process(SpawnProcess):
    """Does not mind a Ctrl-C in the terminal while it starts; later it ignores it."""

    def start(self) -> None:
        """Start it."""
        with starting_process():
            super().start()


class _Spawn(SpawnContext):
    """Starts processes by spawning: forking a process that has threads (torch) can deadlock.

    It holds on to its locks. Pebble drops them before it ends its processes, and one that is still starting, and
    does not find them any more, would end with a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[Any] = []
        self.made = WeakSet[_Process]()

    def Process(self, *arguments: Any, **more: Any) -> _Process:  # type: ignore[override] # noqa: N802
        """Return a process of this context."""
        process = _Process(*arguments, **more)
        self.made.add(process)
        return process

    def RLock(self) -> Any:  # noqa: N802 - multiprocessing's name
        """Return a lock that lives as long as this context."""
        self._held.append(super().RLock())
        return self._held[-1]


class _Processes:
    """Processes to work in, started when first needed, and anew where pebble has given up on them.

    It does so where one dies so soon that it is not known yet what it works on.
    """

    def __init__(self, start: Callable[[], None], workers: int) -> None:
        self._context = _Spawn()
        self._started = self._context.Event()
        self._arguments = start, self._started
        self._workers = workers
        self._pool: ProcessPool | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def have_started(self) -> bool:
        """Tell whether any process has ever been ready to work."""
        return self._started.is_set()

    def any_stopped(self) -> bool:
        """Tell whether any process is stopped."""
        return any(process.pid is not None and is_stopped(process.pid) for process in list(self._context.made))

    def forgotten(self, futures: Iterable[Future[R]]) -> set[Future[R]]:
        """Return those on which nobody works any more: pebble, giving up, overlooks what it has yet to send out."""
        if self._pool is None or self._pool.active:
            return set()
        for future in (found := set(futures)):
            with suppress(InvalidStateError):
                future.set_exception(BrokenProcessPool("given up"))
        return found

    def schedule(self, work: Callable[[T], R], item: T) -> Future[R]:
        """Have an item worked on."""
        if self._pool is None or not self._pool.active:
            self._open.close()
            self._pool = self._open.enter_context(_pool(self._context, self._arguments, self._workers))
        try:
            future: Future[R] = self._pool.schedule(work, (item,))
        except RuntimeError as error:  # it breaks this moment
            future = Future()
            future.set_exception(BrokenProcessPool(str(error)))
        return future


@contextmanager
def _pool(context: _Spawn, arguments: tuple[Any, ...], workers: int) -> Iterator[ProcessPool]:
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    pool = ProcessPool(workers, initializer=_start, initargs=arguments, context=context)
    try:
        yield pool
    finally:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _start(start: Callable[[], None], started: Event) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders write notes to stderr, through the progress bar
    start()
    started.set()


def _end_with_parent() -> None:
    """End this process when its parent is killed: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
