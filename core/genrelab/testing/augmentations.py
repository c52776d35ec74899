"""What every augmentation must do, on waveforms or features; those that mix get soft labels as well."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from genrelab.components import Augmentation
from genrelab.testing.checks import require, variations
from genrelab.testing.tensors import (
    noise,
    require_equal,
    require_finite,
    require_module,
    require_shape,
    require_untouched,
    seeded,
)

CLIPS, CLASSES, SEEDS = 8, 4, 8
RATE = 22_050
SIZES = {"waveform": (RATE,), "feature": (32, 96), "batch": (32, 96)}
Batch = tuple[Tensor, Tensor]


def shape(augmentation: Augmentation, params: Any) -> None:
    """It keeps shape and type, is finite, and leaves its input as it is, for one clip and for many."""
    for clips in (1, CLIPS):
        for training in (True, False):
            built, (x, y) = _build(augmentation, params).train(training), _batch(augmentation, clips)
            before = x.clone()
            changed, _ = _apply(built, augmentation, x, y)
            require_shape(
                changed, tuple(x.shape), f"{clips} clips", "cut or pad what it makes to the input's shape"
            )
            require_finite(changed, f"{clips} clips", "look for a division by zero")
            require_untouched(x, before)


def silence(augmentation: Augmentation, params: Any) -> None:
    """It is finite for silence."""
    x, y = _batch(augmentation)
    changed, _ = _apply(_build(augmentation, params).train(), augmentation, 0 * x, y)
    require_finite(changed, "silence", "put a floor below divisions by a level")


def identity_in_eval(augmentation: Augmentation, params: Any) -> None:
    """In eval mode it changes nothing."""
    x, y = _batch(augmentation)
    built = _build(augmentation, params).eval()
    for seed in range(SEEDS):
        changed, labels = seeded(seed, _apply, built, augmentation, x, y)
        fix = "return the input where not self.training"
        require_equal(changed, x, "changes clips in eval()", fix)
        require_equal(labels, y, "changes labels in eval()", fix)


def changes_something(augmentation: Augmentation, params: Any) -> None:
    """In train mode it changes clips."""
    x, y = _batch(augmentation)
    built = _build(augmentation, params).train()
    some = any(not torch.equal(seeded(s, _apply, built, augmentation, x, y)[0], x) for s in range(SEEDS))
    require(some, f"changes nothing in {SEEDS} batches of {CLIPS} clips", "change clips where self.training")


def random_per_clip(augmentation: Augmentation, params: Any) -> None:
    """Each clip of a batch is changed by draws of its own."""
    x, y = _batch(augmentation)
    built = _build(augmentation, params).train()
    if augmentation.domain == "batch":
        y = F.one_hot(torch.arange(CLIPS) % 2, CLASSES).float()  # partners alike would hide that shares differ
        parts = [_shares(built, augmentation, seed) for seed in range(SEEDS)]
        alike = all(len({round(float(v), 4) for v in part}) <= 2 for part in parts)
    else:
        x = x[:1].expand_as(x).clone()
        batches = [seeded(seed, _apply, built, augmentation, x, y)[0] for seed in range(SEEDS)]
        alike = all(torch.allclose(changed, changed[:1].expand_as(changed)) for changed in batches)
    fix = "draw one value a clip: torch.rand(len(x), device=x.device)"
    require(not alike, "one draw is shared by all clips of a batch", fix)


def reproducible(augmentation: Augmentation, params: Any) -> None:
    """The same seed of torch gives the same change."""
    x, y = _batch(augmentation)
    built = _build(augmentation, params).train()
    first, again = (seeded(5, _apply, built, augmentation, x, y) for _ in range(2))
    fix = "draw from torch's generator, not from random or numpy"
    require_equal(first[0], again[0], "changes clips otherwise with the same seed", fix)
    require_equal(first[1], again[1], "changes labels otherwise with the same seed", fix)


def in_place(augmentation: Augmentation, params: Any) -> None:
    """`change_`, where it has one, does the same to clips that may be changed."""
    (x, _), built = _batch(augmentation), _build(augmentation, params)
    change_ = getattr(built, "change_", None)
    if augmentation.domain == "batch" or change_ is None:
        return
    fix = "let forward(x) be change_(x.clone()), or leave change_ out"
    for training in (True, False):
        built.train(training)
        for seed in range(SEEDS):
            changed, kept = seeded(seed, change_, x.clone()), seeded(seed, built, x)
            require_equal(changed, kept, "change_ changes clips otherwise than forward", fix)


def labels_fit(augmentation: Augmentation, params: Any) -> None:
    """The labels of mixed clips say what is in them; a label stays a distribution."""
    if augmentation.domain != "batch":
        return
    built = _build(augmentation, params).train()
    for seed in range(SEEDS):
        x, y = _batch(augmentation)
        _, labels = seeded(seed, _apply, built, augmentation, x, y)
        require_shape(labels, tuple(y.shape), "soft labels", "return labels (batch, classes)")
        fix = "mix the labels of the same clips, by the share that each has in the result"
        sums = bool(torch.allclose(labels.sum(1), torch.ones(CLIPS), atol=1e-4) and labels.min() >= -1e-6)
        require(sums, "labels are negative or do not sum to 1", fix)
        said, there = _shares(built, augmentation, seed), _contents(built, augmentation, seed)
        require_equal(said, there, "labels do not say what is in a clip", fix, rtol=0.0, atol=0.05)


def parameter_ends(augmentation: Augmentation, params: Any) -> None:
    """It works at both ends of the range of every parameter."""
    x, y = _batch(augmentation)
    for text, changed in variations(params):
        found, _ = seeded(0, _apply, _build(augmentation, changed).train(), augmentation, x, y)
        require_shape(found, tuple(x.shape), text, "cut or pad what it makes to the input's shape")
        require_finite(found, text, "narrow the parameter's range")


CHECKS = (
    shape,
    silence,
    identity_in_eval,
    changes_something,
    random_per_clip,
    reproducible,
    in_place,
    labels_fit,
    parameter_ends,
)


def _build(augmentation: Augmentation, params: Any) -> nn.Module:
    built = augmentation.make(params, RATE)
    require_module(built)
    return built


def _batch(augmentation: Augmentation, clips: int = CLIPS) -> Batch:
    x = noise(clips, *SIZES[augmentation.domain])
    x = x * 2 - 1 if x.ndim == 2 else x  # a waveform
    return x, F.one_hot(torch.arange(clips) % CLASSES, CLASSES).float()


def _apply(built: nn.Module, augmentation: Augmentation, x: Tensor, y: Tensor) -> Batch:
    """Apply to clips, and where it mixes to their labels."""
    with torch.no_grad():
        found = built(x, y) if augmentation.domain == "batch" else built(x)
    if augmentation.domain != "batch":
        return found, y
    fitting = isinstance(found, tuple) and len(found) == 2
    require(fitting, f"gives {type(found).__name__}, not clips and labels", "return x, y")
    clips, labels = found
    return clips, labels


def _two_levels(augmentation: Augmentation) -> Batch:
    """Return clips that are 0 everywhere or 1 everywhere, of classes 0 and 1."""
    classes = torch.arange(CLIPS) % 2
    x = classes[:, None, None].float().expand(CLIPS, *SIZES[augmentation.domain]).clone()
    return x, F.one_hot(classes, CLASSES).float()


def _shares(built: nn.Module, augmentation: Augmentation, seed: int) -> Tensor:
    """Return the share of class 1 in each clip as its label tells it: (batch,)."""
    return seeded(seed, _apply, built, augmentation, *_two_levels(augmentation))[1][:, 1]


def _contents(built: nn.Module, augmentation: Augmentation, seed: int) -> Tensor:
    """Return the share of class 1 in each clip as its values tell it: (batch,)."""
    return seeded(seed, _apply, built, augmentation, *_two_levels(augmentation))[0].mean((1, 2))
