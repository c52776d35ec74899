"""A pool of worker processes that survives the death of any of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import Connection, wait
from typing import Any

from genrelab import Job, JobEnd, WorkError, starting_process
from genrelab_plugins.executors._process import GRACE_SECONDS, ONE_THREAD, choose_gpu, die_with_parent


def default_workers(processes: int = 1) -> int:
    """Return how many trainings, of so many processes each, the GPUs can take; the cores where there are none."""
    import joblib
    import torch

    if torch.backends.mps.is_available():
        return 1
    return max(1, (torch.cuda.device_count() or joblib.cpu_count()) // processes)


class Pool:
    """Worker processes, each running one job after the other; a dead one is replaced, its job reported lost.

    Workers share the GPUs evenly: each has one that ``cuda`` without a number means to it.

    Args:
        slots: worker processes.
        processes: that share a job; a worker starts them where there are more than one.
    """

    def __init__(self, slots: int, processes: int = 1) -> None:
        self.slots = slots
        self._processes = processes
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, Job] = {}

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker, or to a new one."""
        worker = self._idle.pop() if self._idle else _Worker(self._free_place(), self._processes)
        self._busy[worker] = job
        worker.pipe.send(job)

    def wait(self, seconds: float) -> list[JobEnd]:
        """Return the jobs that ended, after at most that many seconds."""
        ready = wait([w.pipe for w in self._busy] + [w.process.sentinel for w in self._busy], seconds)
        return [self._end(w) for w in list(self._busy) if w.pipe in ready or w.process.sentinel in ready]

    def close(self) -> None:
        """Let workers finish the step that they are at, and end; a second Ctrl-C ends them at once."""
        workers = [*self._idle, *self._busy]
        for worker in workers:
            worker.process.terminate()
        try:
            wait_until = time.monotonic() + GRACE_SECONDS
            for worker in workers:
                worker.process.join(max(0.0, wait_until - time.monotonic()))
        finally:
            for worker in workers:
                worker.process.kill()
                worker.pipe.close()
            self._idle, self._busy = [], {}

    def _free_place(self) -> int:
        taken = {worker.place for worker in [*self._idle, *self._busy]}
        return next(place for place in range(self.slots) if place not in taken)

    def _end(self, worker: _Worker) -> JobEnd:
        job = self._busy.pop(worker)
        try:
            refused: str = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            worker.pipe.close()
            return JobEnd(job, "lost", f"exit code {worker.process.exitcode}")
        self._idle.append(worker)
        return JobEnd(job, "refused", refused) if refused else JobEnd(job, "ended")


class _Worker:
    """A process at the other end of a pipe.

    Args:
        place: from 0; different for workers that live at the same time.
        processes: that share a job.
    """

    def __init__(self, place: int, processes: int) -> None:
        self.place = place
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, place, processes), daemon=processes == 1)
        with starting_process():
            self.process.start()
        theirs.close()


def _work(pipe: Connection[Any, Any], place: int, processes: int) -> None:
    """Run jobs until the pipe closes; Ctrl-C is the parent's to handle."""
    os.environ.update(ONE_THREAD)  # before torch is imported, which reads it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # for the processes that a training may start
    threading.Thread(target=die_with_parent, daemon=True).start()
    if processes == 1:
        choose_gpu(place)
    with contextlib.suppress(EOFError, OSError):
        while True:
            job: Job = pipe.recv()
            pipe.send(_run(job, place, processes))


def _run(job: Job, place: int, processes: int) -> str:
    """Run a job; return why the machine cannot go on, or an empty text."""
    if processes > 1:
        from genrelab_plugins.executors._torchrun import run_in_processes

        return run_in_processes(job.directory, processes, place)
    from genrelab import run_job

    try:
        run_job(job.directory)
    except WorkError as error:
        return str(error)
    return ""
