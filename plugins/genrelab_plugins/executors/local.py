"""Run trials in processes of this machine, one thread each."""

from __future__ import annotations

import attrs

from genrelab import Executor, TrialExecutor, hookimpl, setting


@attrs.frozen
class Params:
    """Parameters of the local executor."""

    workers: int = setting(0, low=0, high=1024, help="processes; 0: one a GPU, or one a core without GPUs")


def build(params: Params) -> TrialExecutor:
    """Return an executor whose worker processes start when the first jobs come."""
    from genrelab_plugins.executors._pool import Pool, default_workers

    return Pool(params.workers or default_workers())


@hookimpl
def provide_executors() -> list[Executor]:
    """Offer the executor."""
    return [Executor("local", Params, build)]
