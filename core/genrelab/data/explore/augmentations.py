"""What the augmentations of an experiment do to the feature of an example."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genrelab.config.experiment import AugmentChoice, Experiment, FeatureChoice
from genrelab.data.audio import fit_length
from genrelab.data.explore.drawing import shortened
from genrelab.data.explore.examples import Example, draw_changes
from genrelab.data.normalization import normalize_clips
from genrelab.plugins.registry import Registry

_SEED = 0


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
    module = registry.get("feature", feature.name).build(feature.params, audio.sample_rate).eval()
    samples = round(audio.seconds * audio.sample_rate)
    waves = torch.stack([torch.from_numpy(fit_length(e.audio, samples)) for e in examples])
    with torch.no_grad():
        before = normalize_clips(module(waves), feature.normalization)
        after = _augmented(registry, choice, before)
    names = [shortened(e.track.label) for e in examples]
    clips = {"before": before[0], "after": after[0]}
    if registry.get("augmentation", choice.name).domain == "batch":
        clips = {names[0]: before[0], f"{names[1]} ": before[1], "mixed": after[0]}
    return draw_changes(clips, audio.seconds, f"{choice.name}: {examples[0].track.id}"[:90])


def _augmented(registry: Registry, choice: AugmentChoice, clips: Tensor) -> Tensor:
    """Apply an augmentation to every clip (2, bins, frames), the same way each time."""
    component = registry.get("augmentation", choice.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        module = component.build(choice.params).train()
        if component.domain == "batch":
            mixed: Tensor = module(clips, torch.eye(len(clips)))[0]
            return mixed
        changed: Tensor = module(clips)
        return changed
