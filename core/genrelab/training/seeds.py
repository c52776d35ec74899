"""Seeds: every random stream of a training is derived from what the training is, never from what ran before it."""

from __future__ import annotations

import hashlib
import json

import torch
from torch import Tensor


def derive(*parts: int | str) -> int:
    """Return a seed of 63 bits for a stream named by parts: study seed, candidate, trial, what it is for."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """Return a CPU generator seeded from the parts."""
    return torch.Generator().manual_seed(derive(*parts))


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's generators, on the CPU and on the device."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_state(states: dict[str, Tensor], device: torch.device) -> None:
    """Go on drawing where `random_state` was taken."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    elif device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
