"""What every feature must do."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from genrelab.components import Feature
from genrelab.errors import InputError
from genrelab.testing.checks import require, skip, variations
from genrelab.testing.tensors import (
    noise,
    require_equal,
    require_finite,
    require_module,
    require_shape,
    require_untouched,
)

RATE = 22_050
LENGTHS = (1, 511, 512, 1023, 5000, RATE)


def shape(feature: Feature, params: Any) -> None:
    """It gives (batch, bins, frames) in float32: the same bins for every length, more frames for more samples."""
    built, before = _build(feature, params), (0, 0)
    for samples in sorted(LENGTHS, reverse=True):
        y = _picture(built, noise(2, samples) * 2 - 1)
        require_shape(y, tuple(y.shape), f"{samples} samples", "")
        bins, frames = int(y.shape[1]), int(y.shape[2])
        before = before if any(before) else (bins, frames)
        fix = "let the parameters alone decide the bins, and pad clips shorter than a window"
        fitting = bins == before[0] and 1 <= frames <= before[1]
        text = f"{bins} x {frames} for {samples} samples, {before[0]} x {before[1]} for more"
        require(fitting, text, fix)
        before = bins, frames


def finite(feature: Feature, params: Any) -> None:
    """It is finite, also in half precision as it is stored, for silence and for full scale."""
    t, full = torch.arange(RATE), noise(RATE) * 2 - 1
    clips = {
        "silence": 0 * full,
        "near silence": 1e-30 * full,
        "full scale": full.sign(),
        "a square wave": torch.where(t % 100 < 50, 1.0, -1.0),
        "a click": (t == RATE // 2).float(),
        "a constant": torch.ones(RATE),
    }
    built = _build(feature, params)
    for name, clip in clips.items():
        y = _picture(built, clip[None]).half()
        require_finite(y, name, "put a floor below logarithms and divisions, and stay within ±65504")


def independent_of_batch(feature: Feature, params: Any) -> None:
    """A clip has the same feature alone as in a batch."""
    x = noise(4, 5000) * 2 - 1
    x = torch.stack([x[0], 0 * x[1], 0.01 * x[2], x[3].cumsum(0) / 500])
    built = _build(feature, params)
    alone = torch.cat([_picture(built, clip[None]) for clip in x])
    fix = "take maxima, means and norms of each clip by itself: x.amax((1, 2), keepdim=True)"
    require_equal(_picture(built, x), alone, "a clip differs alone and in a batch", fix, rtol=1e-4, atol=1e-3)


def reproducible(feature: Feature, params: Any) -> None:
    """It is the same each time, and leaves its input as it is."""
    x = noise(2, 5000) * 2 - 1
    before, built = x.clone(), _build(feature, params)
    first = _picture(built, x)
    require_untouched(x, before)
    again = _picture(_build(feature, params), x)
    require_equal(first, again, "differs from one time to the next", "draw nothing: it is computed once and stored")


def stateless(feature: Feature, params: Any) -> None:
    """It has nothing that is learnt."""
    learnt = [name for name, p in _build(feature, params).named_parameters() if p.requires_grad]
    fix = "make it a buffer, or move it into a model: features are computed before any training"
    require(not learnt, f"has parameters that would be learnt: {', '.join(learnt)}", fix)


def device(feature: Feature, params: Any) -> None:
    """Its result is on the device of its input, and the same there."""
    names = ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()
    x = noise(2, 5000) * 2 - 1
    here = _picture(_build(feature, params), x)
    require(
        here.device == x.device, f"gives a tensor on {here.device} for one on cpu", "stay on the input's device"
    )
    if not names:
        skip("on the CPU it is; there is no other device here")
    for name in names:
        there = _picture(_build(feature, params).to(name), x.to(name))
        fix = "make tensors with device=x.device, or register them as buffers"
        require(there.device.type == name, f"gives a tensor on {there.device} for one on {name}", fix)
        require_equal(there.cpu(), here, f"differs on {name}", fix, rtol=1e-3, atol=1e-2)


def parameter_ends(feature: Feature, params: Any) -> None:
    """It works at both ends of the range of every parameter, or refuses them in one line."""
    for text, changed in variations(params):
        y = _unless_refused(feature, changed)
        if y is not None:
            require_finite(y, text, "narrow the range, or refuse such values with InputError in build")


def sample_rates(feature: Feature, params: Any) -> None:
    """It works at usual sample rates, or refuses them in one line."""
    for rate in (8_000, 16_000, 44_100):
        y = _unless_refused(feature, params, rate)
        if y is not None:
            require_finite(y, f"a sample rate of {rate} Hz", "refuse it with InputError in build")


CHECKS = (
    shape,
    finite,
    independent_of_batch,
    reproducible,
    stateless,
    device,
    parameter_ends,
    sample_rates,
)


def _build(feature: Feature, params: Any, rate: int = RATE) -> nn.Module:
    built = feature.build(params, rate)
    require_module(built)
    return built.eval()


def _picture(built: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        y: Any = built(x)
    fix = "return one tensor (batch, bins, frames)"
    require(isinstance(y, Tensor), f"gives {type(y).__name__}", fix)
    fitting = y.ndim == 3 and len(y) == len(x)
    require(fitting, f"gives {tuple(y.shape)} for {len(x)} clips, not ({len(x)}, bins, frames)", fix)
    found: Tensor = y
    return found


def _unless_refused(feature: Feature, params: Any, rate: int = RATE) -> Tensor | None:
    try:
        return _picture(_build(feature, params, rate), noise(1, 5000))
    except InputError as error:
        require("\n" not in str(error), f"refuses in several lines: {error}", "say it in one line")
        return None
