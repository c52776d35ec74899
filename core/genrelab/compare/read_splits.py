"""Read what candidates made of several splits of one collection: the same experiment, run once for each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from genrelab.compare.read import Finals, Runs, TestSet, open_run, read_runs
from genrelab.data.tracks import Tracks
from genrelab.errors import InputError
from genrelab.study.claim import differences

LEAST = 3
"""With two splits, nothing is known of how much results vary between them."""
_MAY_DIFFER = ("name", "device", "executor", "reporter")
_SPLIT = ("seed", "fold")


@attrs.frozen(eq=False)
class Splits:
    """Several splits, each with the same candidates."""

    name: str
    """Of the experiment."""
    tests: tuple[TestSet, ...]
    """One a split."""
    finals: tuple[tuple[Finals, ...], ...]
    """One a candidate, of each split."""
    share: float
    """Test tracks for each training track, mean over splits."""
    notes: tuple[str, ...]
    """What the reader of the comparison must know."""


def read_splits(roots: Sequence[Path]) -> Splits:
    """Read runs of one experiment that differ in ``split.seed`` or ``split.fold`` alone.

    Raises:
        InputError: fewer than 3 runs, two with one split, experiments that differ otherwise, other tracks, or a
            candidate that has no completed final run in one of them.
    """
    if len(roots) < LEAST:
        raise InputError(
            f"a comparison over splits needs at least {LEAST} runs, one a split; there are {len(roots)}"
        )
    opened = [open_run(root) for root in roots]
    for root, (experiment, tracks) in zip(roots[1:], opened[1:], strict=True):
        _check_same(roots[0], opened[0], root, (experiment, tracks))
    _check_distinct(roots, [experiment["split"] for experiment, _ in opened])
    runs = [read_runs([root]) for root in roots]
    names = [c["name"] for c in opened[0][0]["candidate"]]
    finals = [_of(name, roots, runs) for name in names]
    shares = [_count(t, "test") / _count(t, "train") for _, t in opened]
    notes = dict.fromkeys(note for run in runs for note in run.notes)
    return Splits(
        opened[0][0]["name"], tuple(r.test for r in runs), tuple(finals), float(np.mean(shares)), tuple(notes)
    )


def _check_same(first: Path, one: tuple[Any, Tracks], root: Path, other: tuple[Any, Tracks]) -> None:
    """Refuse runs that differ in more than the split, and say in what."""
    where = f"{root} is no other split of {first}:"
    differing = differences(_compared(one[0]), _compared(other[0]))
    if differing:
        path, a, b = differing[0]
        raise InputError(f"{where} {path} is {a!r} there, {b!r} here")
    contents = [
        {t.id: (t.label, t.artist, d) for t, d in zip(o.tracks, o.digests, strict=True)} for _, o in (one, other)
    ]
    if changed := [i for i in {**contents[0], **contents[1]} if contents[0].get(i) != contents[1].get(i)]:
        raise InputError(f"{where} {len(changed)} tracks differ, {changed[0]!r} among them")


def _compared(experiment: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in experiment.items() if k not in _MAY_DIFFER}
    return {**kept, "split": {k: v for k, v in experiment["split"].items() if k not in _SPLIT}}


def _check_distinct(roots: Sequence[Path], plans: Sequence[Mapping[str, Any]]) -> None:
    known: dict[tuple[Any, ...], Path] = {}
    for root, plan in zip(roots, plans, strict=True):
        which = tuple(plan[k] for k in _SPLIT)
        if which in known:
            raise InputError(f"{known[which]} and {root} have the same split")
        known[which] = root


def _of(name: str, roots: Sequence[Path], runs: Sequence[Runs]) -> tuple[Finals, ...]:
    found = []
    for root, run in zip(roots, runs, strict=True):
        mine = [f for f in run.finals if f.name == name]
        if not mine:
            raise InputError(f"{root}: candidate {name!r} has no completed final run; genrelab run goes on with it")
        found += mine
    return tuple(found)


def _count(tracks: Tracks, subset: str) -> int:
    return tracks.subsets.count(subset)
