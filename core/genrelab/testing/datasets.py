"""What every dataset must do. It is built in the working folder, as it will be when it is run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from genrelab.components import SUBSETS, Collection, Dataset, Track
from genrelab.errors import InputError
from genrelab.testing.checks import require, skip


def tracks(dataset: Dataset, params: Any) -> None:
    """It gives tracks, each with an id of its own."""
    found = _tracks(dataset, params)
    strange = next((t for t in found if not isinstance(t, Track)), None)
    require(strange is None, f"gives {strange!r}", "give genrelab.Track objects")
    require(len(found) > 0, "gives no track", "raise InputError that says where tracks were looked for")
    [(identity, count)] = Counter(t.id for t in found).most_common(1)
    require(count == 1, f"{count} tracks have the id {identity!r}", "make ids unique, from path or number")


def labels(dataset: Dataset, params: Any) -> None:
    """Each track has one genre, and there are at least two."""
    found = _tracks(dataset, params)
    for track in found:
        text = isinstance(track.label, str) and bool(track.label) and track.label == track.label.strip()
        require(text, f"track {track.id!r} has the label {track.label!r}", "give the genre as a text, stripped")
    genres = sorted({t.label for t in found})
    require(len(genres) > 1, f"has only the genre {genres}", "take the genre of each track from its data")
    lower = Counter(g.casefold() for g in genres)
    twins = [g for g in genres if lower[g.casefold()] > 1]
    require(not twins, f"genres differ in nothing but case: {', '.join(twins)}", "spell each genre in one way")


def groups(dataset: Dataset, params: Any) -> None:
    """Artists, whoever must not be on both sides of a split, are texts in one spelling; empty where unknown."""
    for track in _tracks(dataset, params):
        text = isinstance(track.artist, str) and track.artist == track.artist.strip()
        fix = 'give the artist as a text, stripped, and "" where unknown: two spellings are two artists to a split'
        require(text, f"track {track.id!r} has the artist {track.artist!r}", fix)


def splits(dataset: Dataset, params: Any) -> None:
    """An official split names train, validation or test for every track, or is there for none."""
    found = _tracks(dataset, params)
    allowed = {*SUBSETS, ""}
    strange = next((t for t in found if t.split not in allowed), None)
    fix = f'use {", ".join(SUBSETS)}, or "" for all tracks where there is no official split'
    require(strange is None, f"track {strange and strange.id!r} is in split {strange and strange.split!r}", fix)
    without = sum(not t.split for t in found)
    require(without in (0, len(found)), f"{without} of {len(found)} tracks are in no split", fix)


def files(dataset: Dataset, params: Any) -> None:
    """The audio files are there, and parts of files have a beginning and a length in seconds."""
    found = _tracks(dataset, params)
    for track in found:
        times = all(math.isfinite(t) and t >= 0 for t in (track.start, track.duration))
        text = f"track {track.id!r} is {track.duration} s from {track.start} s on"
        require(times, text, "give seconds, 0 or more; a duration of 0 means to the end of the file")
    missing = [t.path for t in found if not t.path.is_file()]
    fix = "give paths that exist from the working folder, or absolute ones"
    require(len(missing) < len(found), f"none of its files is there, such as {missing[:1]}", fix)


def reproducible(dataset: Dataset, params: Any) -> None:
    """It gives the same tracks in the same order every time."""
    pairs = zip(_tracks(dataset, params), _tracks(dataset, params), strict=True)
    changed = next(((a, b) for a, b in pairs if a != b), None)
    fix = "sort what a folder or a set gives, and seed what is drawn"
    require(changed is None, f"gives {changed and changed[0]} at first, then {changed and changed[1]}", fix)


CHECKS = (tracks, labels, groups, splits, files, reproducible)


def _tracks(dataset: Dataset, params: Any) -> tuple[Track, ...]:
    try:
        built = dataset.build(params)
        found = built.tracks if isinstance(built, Collection) else tuple(built)
    except InputError as error:
        skip(f"needs parameters: {error}")
    except TypeError as error:
        require(isinstance(built, Iterable), f"build gives {type(built).__name__}", "give tracks, or a Collection")
        raise error from None
    return found
