"""Seeds: every random stream of a training is derived from what the training is, never from what ran before it."""

from __future__ import annotations

import hashlib
import json
import random

import numpy as np
import torch


def derive(*parts: int | str) -> int:
    """Return a seed of 63 bits for a stream named by parts: study seed, candidate, trial, what it is for."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """Return a CPU generator seeded from the parts."""
    return torch.Generator().manual_seed(derive(*parts))


def seed_noise(device: torch.device, *parts: int | str) -> None:
    """Seed what dropout and augmentation draw from: the generators of torch (CPU and device), numpy and Python.

    `torch.manual_seed` would do the same for all devices, in half a millisecond.
    """
    seed = derive(*parts)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 -- plugins may draw from the global generator
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
