"""Run trials in processes of this machine, one thread each."""

from __future__ import annotations

import attrs

from genrelab import Executor, TrialExecutor, hookimpl, setting


@attrs.frozen
class Params:
    """Parameters of the local executor."""

    workers: int = setting(0, low=0, high=1024, help="trainings at once; 0: as many as GPUs, or cores, allow")
    processes: int = setting(1, low=1, high=64, help="that share a training, each with a GPU or a core of its own")


def build(params: Params) -> TrialExecutor:
    """Return an executor whose worker processes start when the first jobs come."""
    from genrelab_plugins.executors._pool import Pool, default_workers

    return Pool(params.workers or default_workers(params.processes), params.processes)


@hookimpl
def provide_executors() -> list[Executor]:
    """Offer the executor."""
    return [Executor("local", Params, build)]
