"""Seeds: every random stream of a training is derived from what the training is, never from what ran before it."""

from __future__ import annotations

import hashlib
import json

import torch


def derive(*parts: int | str) -> int:
    """Return a seed of 63 bits for a stream named by parts: study seed, candidate, trial, what it is for."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: int | str) -> torch.Generator:
    """Return a CPU generator seeded from the parts."""
    return torch.Generator().manual_seed(derive(*parts))
