"""A job over several processes of this machine, started and watched by torchrun's agent.

No server listens beyond this machine: processes meet in a file, and talk over the loopback device.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from datetime import timedelta
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from genrelab import WorkError
from genrelab_plugins.executors._process import GRACE_SECONDS, ONE_THREAD, choose_gpu, die_with_parent

_PATIENCE = timedelta(days=7)  # with a process that is stopped; one that dies is noticed at once
_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
_ENVIRONMENT = {
    **ONE_THREAD,
    "GLOO_SOCKET_IFNAME": _LOOPBACK,
    "NCCL_SOCKET_IFNAME": _LOOPBACK,
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",  # a server on all interfaces, which nothing here needs
    "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(int(GRACE_SECONDS)),
}


def run_in_processes(directory: Path, processes: int, place: int) -> str:
    """Run a job in several processes; return why the machine cannot go on, or an empty text.

    Raises:
        SystemExit: SIGTERM has come, or the processes have ended without a result.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ.update(_ENVIRONMENT)
    logging.disable(logging.CRITICAL)  # of the agent; what matters is in result.json
    before = signal.getsignal(signal.SIGTERM)
    said: SimpleQueue[str] = multiprocessing.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="genrelab-") as meeting:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=directory.name,
            rdzv_backend="c10d",
            rdzv_endpoint=f"{meeting}/agent",
            rdzv_configs={"store_type": "file"},
            max_restarts=0,
            local_addr="localhost",
            logs_specs=DefaultLogsSpecs(os.devnull),
            signals_to_handle="SIGTERM",
        )
        try:
            elastic_launch(config, _work)(directory, Path(meeting), place, said)
        except ChildFailedError:
            if not said.empty():
                return said.get()
            if not (directory / "result.json").is_file():
                sys.exit(1)
        except SignalException:
            sys.exit(143)
        finally:
            signal.signal(signal.SIGTERM, before)
    return ""


def _work(directory: Path, meeting: Path, place: int, said: SimpleQueue[str]) -> None:
    """Take part in a job; Ctrl-C is the study's to handle."""
    threading.Thread(target=die_with_parent, daemon=True).start()
    import torch
    from torch import distributed

    from genrelab import run_job

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    choose_gpu(place * size + rank)
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    meet = f"file://{meeting}/job"
    distributed.init_process_group(backend, init_method=meet, rank=rank, world_size=size, timeout=_PATIENCE)
    try:
        run_job(directory)
    except WorkError as error:
        said.put(str(error))
        sys.exit(1)
    distributed.destroy_process_group()
