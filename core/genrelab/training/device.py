"""Devices and threads."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re

import torch

from genrelab.errors import InputError

# Before a library that starts threads is imported in a process, these keep it to one thread.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def resolve(name: str) -> torch.device:
    """Return the device for ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        InputError: no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise InputError(f"device: {name!r} is not one of auto, cpu, cuda, cuda:N, mps")
    device = torch.device(name)
    missing = {
        "cuda": device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count(),
        "mps": device.type == "mps" and not torch.backends.mps.is_available(),
    }
    if any(missing.values()):
        raise InputError(f'device: there is no {name} on this machine; set device = "cpu" or "auto"')
    return device


def use_one_thread() -> None:
    """Keep this process to one thread.

    Recurrent layers synchronise their threads at every time step: where several processes share the cores, more
    than one thread each makes them a hundred times slower.
    """
    os.environ.update(ONE_THREAD)
    torch.set_num_threads(1)


_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)


def keep_memory() -> None:
    """Let glibc keep the memory that tensors free, for those that come next.

    By default it gives large blocks back to the system, which clears every page of the next one: a step of the 2-D
    architectures takes a third longer for that. Other C libraries stay as they are.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_TRIM_THRESHOLD, -1)
        libc.mallopt(_MMAP_MAX, 0)


def give_memory_back() -> None:
    """Give the system and other processes what is kept for tensors to come, on the CPU and on GPUs."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    torch.cuda.empty_cache()  # nothing where CUDA is not in use
