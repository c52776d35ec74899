"""What a process that runs jobs needs, whoever has started it."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import wait

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
GRACE_SECONDS = 60.0  # a step, and the checkpoint after it


def choose_gpu(place: int) -> None:
    """Choose what ``cuda`` without a number means here, so that processes share the GPUs evenly.

    Args:
        place: from 0; different for processes that live at the same time.
    """
    import torch

    if count := torch.cuda.device_count():
        torch.cuda.set_device(place % count)


def die_with_parent() -> None:
    """End at once when the parent is gone: a resumed study must not meet a training that still writes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
