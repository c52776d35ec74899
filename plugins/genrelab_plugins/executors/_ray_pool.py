"""Jobs as tasks of Ray core. Ray Tune is not used: its Ax search does not work with the Ax of today."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError, TaskCancelledError

from genrelab import InputError, Job, JobEnd
from genrelab_plugins.executors._ray_task import Freight, mailbox_here, train, train_elsewhere

_ANSWER_SECONDS = 5.0
_GRACE_SECONDS = 60.0  # a step, and the checkpoint after it
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class RayPool:
    """An executor whose slots are what the cluster has at the moment.

    Args:
        address: ``host:port``, ``auto``, or empty for a cluster of this machine alone.
        cpus: that a job asks for.
        gpus: that a job asks for.
        shared: whether jobs find the run directory and the feature store on their node.

    Raises:
        InputError: nothing answers at the address.
    """

    def __init__(self, address: str, cpus: float, gpus: float, *, shared: bool) -> None:
        _connect(address)
        self._asks = {"CPU": cpus, "GPU": gpus}
        # A task that fails is the study's to run again; it then goes on from its checkpoint.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "runtime_env": {"env_vars": _ONE_THREAD}}
        self._train = ray.remote(**options)(train if shared else train_elsewhere)
        self._freight = None if shared else Freight()
        self._mailbox = None if shared else mailbox_here()
        self._running: dict[Any, Job] = {}

    @property
    def slots(self) -> int:
        """Jobs that the nodes that are there now can run at once; nodes may join and leave."""
        there = ray.cluster_resources()
        return max(1, min(int(there.get(name, 0) / ask) for name, ask in self._asks.items() if ask))

    def submit(self, job: Job) -> None:
        """Start a task."""
        if self._freight is None:
            task = self._train.remote(str(job.directory.resolve()))
        else:
            root = _run_directory(job.directory)
            task = self._train.remote(*self._freight.load(job.directory, root), self._mailbox)
        self._running[task] = job

    def wait(self, seconds: float) -> list[JobEnd]:
        """Return the jobs that ended, after at most that many seconds."""
        if not self._running:
            return []
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        return [self._end(task) for task in ready]

    def close(self) -> None:
        """Let tasks finish the step that they are at, and end; a second Ctrl-C ends them at once."""
        tasks = list(self._running)
        try:
            for task in tasks:
                ray.cancel(task)
            if tasks:
                ray.wait(tasks, num_returns=len(tasks), timeout=_GRACE_SECONDS)
        finally:
            for task in tasks:
                with contextlib.suppress(RayError):
                    ray.cancel(task, force=True)
            self._running = {}
            ray.shutdown()

    def _end(self, task: Any) -> JobEnd:
        job = self._running.pop(task)
        try:
            refused = ray.get(task, timeout=_ANSWER_SECONDS)
        except (TaskCancelledError, GetTimeoutError) as error:
            return JobEnd(job, "lost", type(error).__name__)
        except RayTaskError as error:  # an exception of ours: the same would happen again
            return JobEnd(job, "refused", f"{job.name}: {str(error.cause).splitlines()[0]}")
        except RayError as error:  # its worker, or its node, is gone
            return JobEnd(job, "lost", f"{type(error).__name__}: {str(error).splitlines()[0]}")
        return JobEnd(job, "refused", refused) if refused else JobEnd(job, "ended")


def _connect(address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"logging_level": "error", "log_to_driver": False, "configure_logging": False}
    if not address:
        ray.init(include_dashboard=False, **quiet)
        return
    host, colon, port = address.rpartition(":")
    if colon:
        _knock(address, host, port)
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"executor.address: no Ray cluster answers at {address!r}: {reason}") from error


def _knock(address: str, host: str, port: str) -> None:
    """Refuse an address where nobody listens; Ray itself would try for minutes."""
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"executor.address: nothing answers at {address!r}: {error}") from error


def _run_directory(directory: Path) -> Path:
    """Return the run directory that a job lies in."""
    return next(p for p in directory.resolve().parents if (p / "experiment.toml").is_file())
