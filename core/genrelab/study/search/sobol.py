"""Settings spread evenly over a space: a scrambled Sobol sequence, and a start that shows every unordered choice.

Nothing here needs Ax, which takes seconds to import.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats.qmc import Sobol

from genrelab.config.search import Settings
from genrelab.config.space import Parameter
from genrelab.params import Scalar
from genrelab.study.search.plan import Plan, key
from genrelab.training.seeds import derive

START = 5
"""Trials of a stratified start at the least: what Ax's own start has."""
_DRAWS = 10_000


def propose_sobol(plan: Plan, proposals: Sequence[Settings]) -> Settings | None:
    """Return the next setting of the sequence that is allowed and new, None where none is found."""
    taken = {key(settings) for settings in proposals}
    for whole in _points(plan, "sobol"):
        settings = _active(plan.space, whole)
        if plan.allows(settings) and key(settings) not in taken:
            return settings
    return None


def centre(plan: Plan) -> list[Settings]:
    """Return the middle of the space, of a choice the middle value, as Ax begins; [] where it is not allowed."""
    settings = _active(plan.space, {p.name: _value(p, 0.5) for p in plan.space})
    return [settings] if plan.allows(settings) else []


def stratified_start(plan: Plan) -> list[Settings]:
    """Return first settings in which every value of each unordered choice stands, as often as the others.

    The rest is drawn from a Sobol sequence. There are at least `START`; a choice that belongs to one value of
    another counts the settings in which it stands.
    """
    unordered = [p for p in plan.space if not p.ordered and len(p.values) > 1]
    shuffled = {p.name: _shuffled(p, plan.seed) for p in unordered}
    seen: dict[str, Counter[Scalar]] = {p.name: Counter() for p in unordered}
    found: dict[object, Settings] = {}
    for whole in _points(plan, "start"):
        if len(found) >= START and all(len(seen[p.name]) == len(p.values) for p in unordered):
            break
        for name, values in shuffled.items():
            whole[name] = min(values, key=lambda v, n=name: seen[n][v])  # type: ignore[misc]
        settings = _active(plan.space, whole)
        if plan.allows(settings) and key(settings) not in found:
            found[key(settings)] = settings
            for name in shuffled.keys() & settings.keys():
                seen[name][settings[name]] += 1
    return list(found.values())


def _points(plan: Plan, purpose: str) -> Iterator[Settings]:
    """Yield points of a Sobol sequence, with a value of every parameter, whether it is active or not."""
    engine = Sobol(max(1, len(plan.space)), rng=np.random.default_rng(derive(plan.seed, purpose)))
    for _ in range(_DRAWS):
        shares = engine.random(1)[0].tolist()
        yield {p.name: _value(p, share) for p, share in zip(plan.space, shares, strict=False)}


def _value(parameter: Parameter, share: float) -> Scalar:
    """Return the value at a share (0..1) of the way through a parameter."""
    if not parameter.is_range:
        return parameter.values[min(int(share * len(parameter.values)), len(parameter.values) - 1)]
    low, high = (float(v) for v in parameter.values)
    if parameter.type is int:  # the same room for every whole number
        low, high = low - 0.5, high + 0.5
    value = math.exp(math.log(low) + share * math.log(high / low)) if parameter.log else low + share * (high - low)
    low, high = (float(v) for v in parameter.values)
    within = min(max(round(value) if parameter.type is int else value, low), high)
    return int(within) if parameter.type is int else within


def _active(space: Sequence[Parameter], whole: Settings) -> Settings:
    settings: Settings = {}
    for parameter in space:
        if parameter.is_active(settings):
            settings[parameter.name] = whole[parameter.name]
    return settings


def _shuffled(parameter: Parameter, seed: int) -> list[Scalar]:
    values = list(parameter.values)
    random.Random(derive(seed, "start", parameter.name)).shuffle(values)  # noqa: S311 -- no secret
    return values
