"""What every augmentation that ships does beyond the conformance kit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from genrelab import Augmentation
from genrelab.plugins.registry import Registry
from tests.conftest import ROOT

RATE, BATCH, CLASSES = 8_000, 6, 4
registry = Registry.discover(start=ROOT)
NAMES = [
    n
    for n in registry.names("augmentation")
    if registry.entry("augmentation", n).target.startswith("genrelab_plugins.")
]
augmentations = pytest.mark.parametrize("name", NAMES)
of_single_clips = pytest.mark.parametrize(
    "name", [n for n in NAMES if registry.get("augmentation", n).domain != "batch"]
)
# These group clips by what was drawn, go through the CPU, or use what torch checks by value.
LOOKS_AT_VALUES = ("codec", "cutmix", "mixup", "pitch_shift", "speed", "time_stretch")
Batch = tuple[Tensor, ...]


def component(name: str) -> Augmentation:
    found: Augmentation = registry.get("augmentation", name)
    return found


def build(name: str, **params: Any) -> nn.Module:
    found = component(name)
    return found.make(found.params(**params), RATE).train()


def batch(name: str, dtype: torch.dtype = torch.float32) -> Batch:
    """Clips in 0..1 that differ, or waveforms; with labels where these are mixed."""
    draw = torch.Generator().manual_seed(0)
    if component(name).domain == "waveform":
        t = torch.arange(RATE) / RATE
        pitch = torch.tensor([220.0, 330, 440, 550, 660, 880])[:, None]
        x = 0.3 * torch.sin(2 * torch.pi * pitch * t) * (1.2 - t) + 0.02 * torch.randn(BATCH, RATE, generator=draw)
        return (x.to(dtype),)
    x = torch.rand(BATCH, 24, 50, generator=draw, dtype=dtype)
    return (x, torch.eye(CLASSES)[torch.arange(BATCH) % CLASSES]) if component(name).domain == "batch" else (x,)


def apply(module: nn.Module, given: Batch, seed: int = 0) -> Batch:
    torch.manual_seed(seed)
    found = module(*given)
    return found if isinstance(found, tuple) else (found,)


@augmentations
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_type_stay_and_the_input_is_untouched(name: str, dtype: torch.dtype) -> None:
    given = batch(name, dtype)
    before = [t.clone() for t in given]
    found = apply(build(name), given)
    assert [(t.shape, t.dtype) for t in found] == [(t.shape, t.dtype) for t in given]
    assert all(torch.isfinite(t).all() for t in found)
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


@of_single_clips
def test_a_clip_is_changed_without_regard_to_those_beside_it(name: str) -> None:
    [x] = batch(name)
    other = torch.cat([x[:1], 0.5 * x[1:]])
    found, beside = apply(build(name), (x,))[0], apply(build(name), (other,))[0]
    torch.testing.assert_close(found[0], beside[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in LOOKS_AT_VALUES])
def test_everything_is_drawn_and_computed_on_the_device_of_the_input(name: str) -> None:
    given = tuple(t.to("meta") for t in batch(name))
    assert all(t.device.type == "meta" for t in apply(build(name), given))


@augmentations
def test_odd_clips_stay_finite(name: str) -> None:
    x, *labels = batch(name)
    short = x[..., :150] if x.ndim == 2 else x[:, :3, :5]
    for odd in (0 * x, torch.ones_like(x), short, x[:1]):
        given = (odd, *(y[: len(odd)] for y in labels))
        found = apply(build(name), given)[0]
        assert found.shape == odd.shape
        assert torch.isfinite(found).all()


@augmentations
def test_nothing_is_learned_or_saved(name: str) -> None:
    assert not list(build(name).parameters())
    assert not build(name).state_dict()
