"""What the augmentations of an experiment do to an example: to its feature, and to its waveform before that."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from genrelab.components import Augmentation
from genrelab.config.experiment import AugmentChoice, Experiment, FeatureChoice
from genrelab.data.audio import fit_length
from genrelab.data.explore.drawing import shortened
from genrelab.data.explore.examples import Example, draw_changes
from genrelab.data.normalization import normalize_clips
from genrelab.plugins.registry import Registry

_SEED = 0
_DRAWS = 4  # one of them may change next to nothing


def draw_augmentations(
    experiment: Experiment, registry: Registry, examples: Sequence[Example]
) -> Iterator[tuple[str, Figure]]:
    """Yield (name, picture) for each augmentation that a candidate uses, on the first example.

    One that mixes clips is given the second example as well, of another genre where there is one.
    """
    if not examples:
        return
    first = examples[0]
    other = next((e for e in examples if e.track.label != first.track.label), examples[-1])
    recipes = [experiment.recipe(candidate) for candidate in experiment.candidate]
    drawn: list[AugmentChoice] = []
    for recipe in recipes:
        for choice in recipe.augment:
            if choice not in drawn:
                drawn.append(choice)
                yield (
                    f"{choice.name}-{len(drawn)}",
                    _draw(experiment, registry, recipe.feature, choice, [first, other]),
                )


def _draw(
    experiment: Experiment,
    registry: Registry,
    feature: FeatureChoice,
    choice: AugmentChoice,
    examples: Sequence[Example],
) -> Figure:
    audio = experiment.audio
    module = registry.build("feature", feature.name, feature.params, audio.sample_rate).eval()
    samples = round(audio.seconds * audio.sample_rate)
    waves = torch.stack([torch.from_numpy(fit_length(e.audio, samples)) for e in examples])
    title = f"{choice.name}: {examples[0].track.id}"[:90]
    augmentation: Augmentation = registry.get("augmentation", choice.name)
    change = functools.partial(
        _augmented, registry.build("augmentation", choice.name, choice.params, audio.sample_rate)
    )
    with torch.no_grad():
        before = normalize_clips(module(waves), feature.normalization)
        if augmentation.domain == "waveform":
            changed = change(waves)
            after = normalize_clips(module(changed), feature.normalization)
            heard = waves[0].numpy(), changed[0].numpy()
            return draw_changes({"before": before[0], "after": after[0]}, audio.seconds, title, heard)
        if augmentation.domain == "batch":
            one, other = (shortened(e.track.label) for e in examples)
            mixed, _ = change(before, torch.eye(len(before)))
            return draw_changes({one: before[0], f"{other} ": before[1], "mixed": mixed[0]}, audio.seconds, title)
        return draw_changes({"before": before[0], "after": change(before)[0]}, audio.seconds, title)


def _augmented(module: nn.Module, *clips: Tensor) -> Any:
    """Apply an augmentation a few times, the same way each time; return what changes the first clip most."""

    def change(found: Any) -> float:
        return float((found[0][0] if isinstance(found, tuple) else found[0]).sub(clips[0][0]).abs().mean())

    module.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return max((module(*clips) for _ in range(_DRAWS)), key=change)
