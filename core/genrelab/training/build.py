"""Build what a recipe names: the model, the optimizer with its schedules, the augmentations."""

from __future__ import annotations

import torch
from torch import nn

from genrelab.components import Steps
from genrelab.config.experiment import Recipe
from genrelab.data.clips import Clips, batch_starts
from genrelab.plugins.registry import Registry
from genrelab.training.augment import Chain, Link
from genrelab.training.live import LiveFeature
from genrelab.training.optimizers import make_optimizer
from genrelab.training.schedules import Schedule, build_schedules


def build_model(recipe: Recipe, registry: Registry, shape: tuple[int, int], classes: int) -> nn.Module:
    """Build the model of a recipe for features of (bins, frames)."""
    model: nn.Module = registry.build("model", recipe.model.name, recipe.model.params, shape, classes)
    return model


def build_optimizer(
    recipe: Recipe, registry: Registry, model: nn.Module, clips: Clips
) -> tuple[torch.optim.Optimizer, list[Schedule]]:
    """Build the optimizer of a recipe, and the schedules of its learning rate."""
    optimizer = make_optimizer(model, recipe.train)
    steps = Steps(len(batch_starts(clips.count("train"), recipe.train.batch_size)), recipe.train.epochs)
    return optimizer, build_schedules(recipe, registry, optimizer, steps)


def build_augmentation(recipe: Recipe, registry: Registry, sample_rate: int, clips: Clips) -> Chain:
    """Build the chain of augmentations of a recipe; one that changes waveforms turns them into features as well."""
    links: dict[str, list[Link]] = {"waveform": [], "feature": [], "batch": []}
    for choice in recipe.augment:
        module = registry.build("augmentation", choice.name, choice.params, sample_rate)
        links[registry.get("augmentation", choice.name).domain].append((module, choice.probability))
    live = None
    if links["waveform"]:
        feature = registry.build("feature", recipe.feature.name, recipe.feature.params, sample_rate)
        live = LiveFeature(feature, recipe.feature.normalization, clips)
    return Chain(
        links["feature"], recipe.train.augment_probability, links["batch"], waveform=links["waveform"], live=live
    )
