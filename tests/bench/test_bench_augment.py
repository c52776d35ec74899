"""Every augmentation, in batches a second of 16 clips, beside what it may be compared with.

Waveforms: the log-mel spectrogram of the same clips (10 s at 22,050 Hz), which has to be computed anyway. Features
and mixed batches: a copy of the same clips (128 x 431).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genrelab import Augmentation
from genrelab.plugins.registry import Registry
from genrelab_plugins.features import log_mel
from tests.conftest import ROOT

RATE, BATCH, SECONDS = 22_050, 16, 10
registry = Registry.discover(start=ROOT)


class Copy(nn.Module):
    """What a change costs that changes nothing."""

    def forward(self, x: Tensor, *_: Tensor) -> Tensor:
        return x.clone()


REFERENCES: dict[str, Callable[[], nn.Module]] = {
    "waveform": lambda: log_mel.build(log_mel.Params(), RATE),
    "feature": Copy,
    "batch": Copy,
}


def given(domain: str) -> tuple[Tensor, ...]:
    if domain == "waveform":
        return (0.1 * torch.randn(BATCH, SECONDS * RATE),)
    x = torch.rand(BATCH, 128, 1 + SECONDS * RATE // 512)
    return (x, torch.eye(BATCH)) if domain == "batch" else (x,)


def measure(benchmark: Any, domain: str, module: nn.Module) -> None:
    torch.set_num_threads(1)
    benchmark.group = f"augmentations of domain {domain}, {BATCH} clips of {SECONDS} s"
    benchmark.extra_info["clips"] = BATCH
    with torch.no_grad():
        benchmark.pedantic(module.train(), given(domain), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("domain", REFERENCES)
def test_reference(domain: str, benchmark: Any) -> None:
    measure(benchmark, domain, REFERENCES[domain]())


@pytest.mark.parametrize("name", registry.names("augmentation"))
def test_augmentation(name: str, benchmark: Any) -> None:
    found: Augmentation = registry.get("augmentation", name)
    measure(benchmark, found.domain, found.make(found.params(), RATE))
