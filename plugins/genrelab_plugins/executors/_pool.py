"""A pool of worker processes that survives the death of any of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from genrelab import Job, JobEnd, run_job

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_GRACE_SECONDS = 5.0


def default_workers() -> int:
    """Return one worker a core, or one in all where there is a GPU to train on."""
    import torch

    return 1 if torch.cuda.is_available() or torch.backends.mps.is_available() else len(os.sched_getaffinity(0))


class Pool:
    """Worker processes, each running one job after the other; a dead one is replaced, its job reported lost.

    Args:
        slots: processes.
    """

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, Job] = {}

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker, or to a new one."""
        worker = self._idle.pop() if self._idle else _Worker()
        self._busy[worker] = job
        worker.pipe.send(job)

    def wait(self, seconds: float) -> list[JobEnd]:
        """Return the jobs that ended, after at most that many seconds."""
        ready = wait([w.pipe for w in self._busy] + [w.process.sentinel for w in self._busy], seconds)
        return [self._end(w) for w in list(self._busy) if w.pipe in ready or w.process.sentinel in ready]

    def close(self) -> None:
        """Stop all workers, those at work as well."""
        workers = [*self._idle, *self._busy]
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join(_GRACE_SECONDS)
            worker.process.kill()
            worker.pipe.close()
        self._idle, self._busy = [], {}

    def _end(self, worker: _Worker) -> JobEnd:
        job = self._busy.pop(worker)
        try:
            worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(_GRACE_SECONDS)
            worker.pipe.close()
            return JobEnd(job, "lost", f"exit code {worker.process.exitcode}")
        self._idle.append(worker)
        return JobEnd(job, "ended")


class _Worker:
    """A process at the other end of a pipe."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        with _one_thread():
            self.process.start()
        theirs.close()


def _work(pipe: Connection[Any, Any]) -> None:
    """Run jobs until the pipe closes; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            job: Job = pipe.recv()
            run_job(job.directory)
            pipe.send("ended")


def _die_with_parent() -> None:
    """End at once when the parent is gone: a resumed study must not meet a training that still writes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let a child start with one thread; set before it imports what reads these."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
