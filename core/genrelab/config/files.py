"""Experiment files: TOML in, a checked `Experiment` out, or every problem at once."""

from __future__ import annotations

import copy
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.choices import structure
from genrelab.config.experiment import Audio, Experiment, Recipe, SplitPlan
from genrelab.config.overrides import override_value
from genrelab.config.report import report
from genrelab.config.search_checks import problems_of_search, problems_of_space
from genrelab.config.structure import KeyPath, Problem
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry
from genrelab.texts import SAFE_NAME

DEFAULTS: dict[str, Any] = {
    "executor": {"name": "local"},
    "reporter": [{"name": "console"}, {"name": "aim"}],
}


def load(file: Path, registry: Registry, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment file.

    Args:
        file: a TOML file.
        registry: resolves the names of components.
        overrides: ``key=value`` texts as given with ``--set``; checked like the file.

    Raises:
        InputError: cannot be read, or has problems; the message lists all of them.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    data = {**copy.deepcopy(DEFAULTS), **data}
    for text in overrides:
        override_value(data, text)
    return parse(data, registry, str(file))


def parse(data: Mapping[str, Any], registry: Registry, source: str) -> Experiment:
    """Turn the plain tables of an experiment into an `Experiment`.

    Raises:
        InputError: the message lists every problem with its path; `source` stands before it.
    """
    data = {**DEFAULTS, **data}
    if "candidate" not in data and isinstance(data.get("model"), dict):
        data["candidate"] = [{"name": str(data["model"].get("name", ""))}]
    experiment = _completed(structure(data, Experiment, registry, source), data)
    problems = list(_inconsistencies(experiment, registry))
    if problems:
        raise report(problems, source, data)
    return experiment


def _completed(experiment: Experiment, data: Mapping[str, Any]) -> Experiment:
    """Give each candidate that has settings of training of its own the file's for all others."""
    candidates = []
    for candidate, own in zip(experiment.candidate, data.get("candidate", ()), strict=True):
        if candidate.train:
            named = {key: getattr(candidate.train, key) for key in own["train"]}
            candidate = attrs.evolve(candidate, train=attrs.evolve(experiment.train, **named))
        candidates.append(candidate)
    return attrs.evolve(experiment, candidate=tuple(candidates))


def _inconsistencies(experiment: Experiment, registry: Registry) -> Iterator[Problem]:
    """Yield what is wrong between tables that are right by themselves."""
    yield from _problems_of_names(experiment)
    yield from _problems_of_audio(experiment.audio)
    if abs(sum(experiment.split.fractions) - 1) > 1e-6:
        yield Problem(("split",), f"train + validation + test is {sum(experiment.split.fractions):g}, not 1")
    yield from _problems_of_folds(experiment.split)
    if not experiment.final.seeds or len(set(experiment.final.seeds)) < len(experiment.final.seeds):
        yield Problem(("final", "seeds"), "expected at least one seed, each once")
    selection = experiment.final.selection_seeds
    if len(set(selection)) < len(selection) or (not selection and experiment.final.finalists > 1):
        yield Problem(("final", "selection_seeds"), "expected at least one seed, each once, or finalists = 1")
    yield from problems_of_search(experiment)
    for i, candidate in enumerate(experiment.candidate):
        if candidate.model is None and experiment.model is None:
            yield Problem(("candidate", i, "model"), "is required, but missing here and in the file")
            continue
        yield from _problems_of_tables(experiment.recipe(candidate), ("candidate", i))
        yield from problems_of_space(experiment, i, registry)


def _problems_of_folds(split: SplitPlan) -> Iterator[Problem]:
    if split.folds == 1:
        yield Problem(("split", "folds"), "is 1: with one fold there is nothing to learn from")
    if split.folds and split.by == "official":
        yield Problem(("split", "folds"), 'does not go with by = "official": that split is made already')
    if split.fold > max(1, split.folds):
        yield Problem(("split", "fold"), f"{split.fold} is beyond folds = {split.folds}")


def _problems_of_audio(audio: Audio) -> Iterator[Problem]:
    if audio.window_seconds > audio.seconds:
        text = f"{audio.window_seconds:g} is longer than a clip: {audio.seconds:g}"
        yield Problem(("audio", "window_seconds"), text)
    if audio.window_hop_seconds and not audio.window_seconds:
        yield Problem(("audio", "window_hop_seconds"), "has no meaning without window_seconds")


def _problems_of_names(experiment: Experiment) -> Iterator[Problem]:
    names = [c.name for c in experiment.candidate]
    for path, name in [(("name",), experiment.name), *((("candidate", i, "name"), n) for i, n in enumerate(names))]:
        if not SAFE_NAME.fullmatch(name):  # it becomes a folder
            yield Problem(path, f"{name!r} must be letters, digits, '.', '_' and '-', at most 100")
    for name, count in Counter(n.lower() for n in names).items():
        if count > 1:
            yield Problem(("candidate",), f"{count} candidates are called {name!r}")
    if not names:
        yield Problem(("candidate",), "is empty: name at least one, or give [model]")


def _problems_of_tables(recipe: Recipe, path: KeyPath) -> Iterator[Problem]:
    for table in ("augment", "scheduler"):
        for name, count in Counter(c.name for c in getattr(recipe, table)).items():
            if count > 1:
                yield Problem((*path, table), f"{name!r} is selected {count} times")
