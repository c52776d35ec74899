"""Run trials as tasks of a Ray cluster, or of one that this machine is by itself."""

from __future__ import annotations

import attrs

from genrelab import Executor, InputError, TrialExecutor, hookimpl, setting


@attrs.frozen
class Params:
    """Parameters of the ray executor; `pip install genrelab[ray]` installs what it needs."""

    address: str = setting("", help="host:port of the cluster, or auto; empty: this machine alone")
    cpus: float = setting(1.0, low=0.0, help="cores that a training asks for")
    gpus: float = setting(0.0, low=0.0, help="GPUs that a training asks for; 0.5: two share one")
    shared: bool = setting(True, help="whether all nodes see this disk; false: data and results are sent")


def build(params: Params) -> TrialExecutor:
    """Connect to the cluster, or start one.

    Raises:
        InputError: Ray is not installed, or nothing answers at the address.
    """
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise InputError("executor: ray is not installed; pip install genrelab[ray]") from error
    from genrelab_plugins.executors._ray_pool import RayPool

    return RayPool(params.address, params.cpus, params.gpus, shared=params.shared)


@hookimpl
def provide_executors() -> list[Executor]:
    """Offer the executor."""
    return [Executor("ray", Params, build)]
