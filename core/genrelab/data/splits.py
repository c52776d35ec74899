"""Splits of a collection into train, validation and test: by artist, by track, or the official one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import attrs
import numpy as np
from numpy.typing import NDArray

from genrelab.components import SUBSETS
from genrelab.errors import InputError

Indices = NDArray[np.int64]
_Holding = list[tuple[int, int]]  # genres and numbers of tracks of one owner
# A genre with too few owners for all subsets is learnt and tested rather than validated.
_WEIGHT = [{"train": 4, "test": 2, "validation": 1}[subset] for subset in SUBSETS]


@attrs.frozen(eq=False)
class Split:
    """Which track is in which subset."""

    train: Indices
    """Positions of tracks in the collection, ascending."""
    validation: Indices
    test: Indices
    notes: tuple[str, ...] = ()
    """What the user should know: genres that a subset lacks."""


def split_tracks(
    labels: Sequence[str],
    artists: Sequence[str],
    files: Sequence[str] = (),
    *,
    by: Literal["artist", "track"],
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    seed: int,
    folds: int = 0,
    fold: int = 1,
) -> Split:
    """Split a collection at random, with the same mixture of genres in each subset as nearly as possible.

    By artist, all tracks of an artist go to one subset, so that a model cannot score by knowing the artist (Flexer,
    A closer look on artist filters for musical genre classification, ISMIR 2007). A genre with three artists or
    more is in every subset, unless artists of several genres stand in the way; one with two is in train and test.
    By track, genres of three tracks or more are in every subset.

    Args:
        labels: genre of each track.
        artists: artist of each track; "" where unknown: such a track stands alone.
        files: file of each track, where files hold several: excerpts of one recording stay together.
        by: what must not be divided.
        fractions: shares of train, validation and test among the tracks of each genre; they sum to 1.
        seed: the same seed gives the same split.
        folds: parts of about one size and mixture of genres, one of which is the test set; 0: the test set has the
            share in `fractions`.
        fold: which of them, from 1. With one seed, every track is in the test set of one fold.

    Raises:
        InputError: fewer than two genres, fractions that are no shares, a genre with too few artists (by artist: 2,
            by track: 3) or one that its artists' other genres keep out of train, or too few artists in all.
    """
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise InputError(f"split fractions must be positive and sum to 1, got {fractions}")
    genres, genre_of = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    if len(genres) < 2:
        raise InputError(f"classification needs at least 2 genres, the collection has {len(genres)}")
    recordings = files or [""] * len(labels)
    owners = _owners([a or f for a, f in zip(artists, recordings, strict=True)] if by == "artist" else recordings)
    tracks = np.zeros((owners.max() + 1, len(genres)), np.int64)  # (owners, genres)
    np.add.at(tracks, (owners, genre_of), 1)
    counts = dict(zip(genres, (tracks > 0).sum(axis=0), strict=True))
    _check_counts(counts, by)
    rng = np.random.default_rng(seed)
    subset_of = (
        _test_fold(tracks, fractions, folds, fold, rng) if folds else _assign(tracks, fractions, _WEIGHT, rng)
    )
    return _split(subset_of[owners], labels, {genre: f"{count} {by}s" for genre, count in counts.items()})


def official_split(splits: Sequence[str], labels: Sequence[str]) -> Split:
    """Take the split that the dataset itself declares.

    Args:
        splits: official subset of each track: train, validation or test.
        labels: genre of each track.

    Raises:
        InputError: a track has no or another subset, a subset is empty, or a genre is not in train.
    """
    counts = Counter(splits)
    strange = {name or "none": count for name, count in counts.items() if name not in SUBSETS}
    if strange:
        found = ", ".join(f"{name} ({count} tracks)" for name, count in sorted(strange.items()))
        raise InputError(f"official split: tracks must be in train, validation or test, found {found}")
    number: dict[str, int] = {name: i for i, name in enumerate(SUBSETS)}
    subset_of = np.array([number[name] for name in splits])
    return _split(subset_of, labels, {genre: f"{count} tracks" for genre, count in Counter(labels).items()})


def _owners(artists: Sequence[str]) -> Indices:
    """Number the artists, each track without one on its own: (tracks,)."""
    numbers: dict[str | int, int] = {}
    return np.array([numbers.setdefault(artist or i, len(numbers)) for i, artist in enumerate(artists)])


def _check_counts(counts: Mapping[str, int], by: Literal["artist", "track"]) -> None:
    least = 2 if by == "artist" else 3
    poor = [f"{genre} ({count})" for genre, count in counts.items() if count < least]
    if poor:
        otherwise = ", or split by track" if by == "artist" else ""
        raise InputError(
            f"a split by {by} needs at least {least} {by}s in each genre, there are fewer in {', '.join(poor)}: "
            f"exclude these genres{otherwise}"
        )


def _test_fold(
    tracks: Indices, fractions: Sequence[float], folds: int, fold: int, rng: np.random.Generator
) -> Indices:
    """Choose a subset for each owner: test for those of one fold, for the others train or validation."""
    subset_of = np.full(len(tracks), SUBSETS.index("test"))
    others = _assign(tracks, [1 / folds] * folds, [1] * folds, rng) != fold - 1
    learnt = [share / sum(fractions[:2]) for share in fractions[:2]]
    subset_of[others] = _assign(tracks[others], learnt, _WEIGHT[:2], rng)
    return subset_of


def _assign(
    tracks: Indices, fractions: Sequence[float], weights: Sequence[int], rng: np.random.Generator
) -> Indices:
    """Choose a part for each owner, given their tracks by genre: (owners, genres) -> (owners,).

    Large owners come first; small ones can even out what these left.

    Args:
        tracks: of each owner in each genre.
        fractions: shares of the parts.
        weights: how much it matters that a part lacks no genre.
        rng: decides among owners of about one size.
    """
    # The whole collection counts as two more genres among the gaps, so that to leave a subset empty is worse than
    # any one lack.
    counts = np.column_stack([tracks, tracks.sum(axis=1), tracks.sum(axis=1)])
    octave = np.frexp(counts[:, -1])[1]  # owners of about one size come in random order
    order = np.lexsort((rng.random(len(counts)), -octave)).tolist()

    holdings = [[(genre, count) for genre, count in enumerate(row) if count] for row in counts.tolist()]
    wanted = np.outer(fractions, counts.sum(axis=0)).tolist()
    filling = _Filling(wanted, (counts > 0).sum(axis=0).tolist(), weights)
    subset_of = np.full(len(counts), -1)
    for owner in order:
        subset_of[owner] = filling.put(holdings[owner])
    for owner in order:  # once more, now that all others have their place
        filling.take(holdings[owner], subset_of[owner])
        subset_of[owner] = filling.put(holdings[owner])
    return subset_of


@attrs.define
class _Filling:
    """How far the subsets are filled. Plain lists: numpy is slower on rows this short."""

    wanted: list[list[float]]
    """Tracks by subset and genre."""
    left: list[int]
    """Owners without a subset, by genre."""
    weights: Sequence[int]
    """Of the subsets' gaps."""
    held: list[list[int]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.held = [[0] * len(self.left) for _ in self.wanted]

    def put(self, holding: _Holding) -> int:
        """Put an owner where it fills most gaps, and among equals where it fits best."""
        subset = min(range(len(self.wanted)), key=lambda s: (-self._gaps(s, holding), self._cost(s, holding)))
        self._move(holding, subset, 1)
        return subset

    def take(self, holding: _Holding, subset: int) -> None:
        """Take an owner out of a subset again."""
        self._move(holding, subset, -1)

    def _move(self, holding: _Holding, subset: int, sign: int) -> None:
        for genre, count in holding:
            self.held[subset][genre] += sign * count
            self.left[genre] -= sign

    def _cost(self, subset: int, holding: _Holding) -> float:
        """Change of (held - wanted)^2 / wanted, summed over genres proper."""
        held, wanted = self.held[subset], self.wanted[subset]
        return sum((2 * (held[g] - wanted[g]) + count) * count / wanted[g] for g, count in holding[:-2])

    def _gaps(self, subset: int, holding: _Holding) -> int:
        """Weigh the gaps filled: genres that lack this subset and have no owners to spare."""
        missing = (g for g, _ in holding if not self.held[subset][g])
        return sum(self.weights[subset] for g in missing if self.left[g] <= sum(not held[g] for held in self.held))


def _split(subset_of: Indices, labels: Sequence[str], sizes: Mapping[str, str]) -> Split:
    genre_of = np.asarray(labels, dtype=str)
    members = [np.flatnonzero(subset_of == i) for i in range(len(SUBSETS))]
    lacking = {subset: sorted(set(sizes) - set(genre_of[m])) for subset, m in zip(SUBSETS, members, strict=True)}
    empty = [subset for subset, m in zip(SUBSETS, members, strict=True) if not len(m)]
    if empty:
        raise InputError(f"the split leaves no track in {', '.join(empty)}: split by artist or by track")
    if lacking["train"]:
        raise InputError(
            f"no track in train of {', '.join(lacking['train'])}: exclude these genres, or split otherwise"
        )
    notes = [f"{genre}: {sizes[genre]}, none in {subset}" for subset in SUBSETS for genre in lacking[subset]]
    train, validation, test = members
    return Split(train, validation, test, tuple(notes))
