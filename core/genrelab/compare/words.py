"""What a comparison says, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genrelab.compare.paired import ALPHA

DECIDES = "f1_macro"
_NAMED = 5  # candidates in a sentence; of more, the others are counted


def differs(pair: Mapping[str, Any]) -> bool:
    """Tell whether the test finds a difference in F1-macro at 5 %, all pairs considered."""
    return bool(pair["scores"][DECIDES]["p_holm"] < ALPHA)


def pair_sentence(pair: Mapping[str, Any]) -> str:
    """Say in one sentence what is known of a pair; differences are in points of percent."""
    found = pair["scores"][DECIDES]
    better, worse = pair["a"], pair["b"]
    middle, low, high = (100 * found[k] for k in ("difference", "low", "high"))
    if middle < 0:
        better, worse, middle, low, high = worse, better, -middle, -high, -low
    p = p_text(found["p_holm"])
    if differs(pair):
        return f"{better} is better than {worse} by {middle:.1f} points F1-macro ({low:.1f} to {high:.1f}, p {p})"
    return (
        f"{better} and {worse} cannot be told apart "
        f"(difference {middle:.1f} points F1-macro, {low:.1f} to {high:.1f}, p {p})"
    )


def p_text(p: float) -> str:
    """Return a p-value as people read it: ``= 0.012``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def best_of(candidates: Mapping[str, Any]) -> str:
    """Return the candidate with the highest F1-macro."""
    return max(candidates, key=lambda name: float(candidates[name]["scores"][DECIDES]["mean"]))


def verdict(candidates: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]) -> str:
    """Say in one sentence which candidate is best, and whether that is more than chance."""
    best = best_of(candidates)
    found = candidates[best]["scores"][DECIDES]
    score = f"F1-macro {100 * found['mean']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"
    if not pairs:
        return f"{best} reaches {score}; there is nothing to compare it with."
    equals = [
        pair["b"] if pair["a"] == best else pair["a"]
        for pair in pairs
        if best in (pair["a"], pair["b"]) and not differs(pair)
    ]
    if not equals:
        return f"{best} is better than every other candidate: {score}."
    if len(equals) == len(candidates) - 1:
        return (
            f"No candidate is shown to be the best: {best} reaches {score}, "
            f"but cannot be told apart from {listed(equals)}."
        )
    return f"{best} reaches {score}, but cannot be told apart from {listed(equals)}; all others are worse."


def listed(names: Sequence[str]) -> str:
    """Return names in a sentence; of many, the first four, and how many others there are."""
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
