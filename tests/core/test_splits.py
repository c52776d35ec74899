"""Splits: nothing in two subsets, artists whole, every genre everywhere, shares as asked, honest notes."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from genrelab.components import SUBSETS
from genrelab.data.splits import official_split, split_tracks
from genrelab.errors import InputError

steady = settings(deadline=None)  # a busy machine is no failure


def parts(split):
    return [split.train, split.validation, split.test]


def counts(split, labels):
    """Count the tracks of each genre in train, validation and test."""
    names = np.array(labels)
    return {genre: [int((names[part] == genre).sum()) for part in parts(split)] for genre in sorted(set(labels))}


def collection(artists):
    """Return labels and artists of [(genre, tracks)], an artist each."""
    labels = [genre for genre, tracks in artists for _ in range(tracks)]
    names = [f"artist {i}" for i, (_, tracks) in enumerate(artists) for _ in range(tracks)]
    return labels, names


artists_of_a_genre = st.lists(st.integers(1, 30), min_size=2, max_size=12)
genres = st.lists(artists_of_a_genre, min_size=2, max_size=6).filter(lambda sizes: max(map(len, sizes)) > 2)
seeds = st.integers(0, 2**32)


def assert_a_partition(split, total):
    together = np.concatenate(parts(split))
    assert sorted(together) == list(range(total))
    assert all((np.diff(part) > 0).all() for part in parts(split))


@steady
@given(genres, seeds)
def test_by_artist_no_artist_is_divided_and_genres_are_where_they_can_be(sizes, seed):
    labels, artists = collection([(f"g{g}", n) for g, each in enumerate(sizes) for n in each])
    split = split_tracks(labels, artists, by="artist", seed=seed)
    assert_a_partition(split, len(labels))
    where = [{artists[i] for i in part} for part in parts(split)]
    assert sum(map(len, where)) == len(set(artists))
    present = {genre: [n > 0 for n in row] for genre, row in counts(split, labels).items()}
    assert present == {f"g{g}": [True, len(each) > 2, True] for g, each in enumerate(sizes)}
    assert split.notes == tuple(
        f"g{g}: 2 artists, none in validation" for g, each in enumerate(sizes) if len(each) == 2
    )


@steady
@given(genres, st.integers(2, 6), seeds)
def test_over_its_folds_every_track_is_tested_once_and_no_artist_is_divided(sizes, folds, seed):
    labels, artists = collection([(f"g{g}", n) for g, each in enumerate(sizes) for n in each])
    if len(set(artists)) < folds:
        return
    tested = []
    for fold in range(1, folds + 1):
        try:
            split = split_tracks(labels, artists, by="artist", seed=seed, folds=folds, fold=fold)
        except InputError:  # a genre of two artists, or nobody left to validate with
            continue
        assert_a_partition(split, len(labels))
        where = [{artists[i] for i in part} for part in parts(split)]
        assert sum(map(len, where)) == len(set(artists))
        assert {labels[i] for i in split.train} == set(labels)
        tested += split.test.tolist()
    assert len(tested) == len(set(tested))


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_folds_are_of_one_size_and_mixture(folds):
    labels, artists = realistic(3)
    splits = [
        split_tracks(labels, artists, by="artist", seed=1, folds=folds, fold=fold) for fold in range(1, folds + 1)
    ]
    assert sorted(np.concatenate([s.test for s in splits])) == list(range(len(labels)))
    for split in splits:
        assert len(split.test) / len(labels) == pytest.approx(1 / folds, abs=0.01)
        assert len(split.validation) / (len(labels) - len(split.test)) == pytest.approx(1 / 9, abs=0.01)
        for genre, (train, _, test) in counts(split, labels).items():
            total = labels.count(genre)
            assert test / total == pytest.approx(1 / folds, abs=0.1 if total < 200 else 0.03), genre
            assert train > 0


@steady
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=2),
    st.lists(st.integers(1, 30), min_size=2, max_size=2),
    seeds,
)
def test_where_every_genre_has_two_artists_one_gives_its_test_artist_to_validation(rock, pop, seed):
    labels, artists = collection([("rock", n) for n in rock] + [("pop", n) for n in pop])
    split = split_tracks(labels, artists, by="artist", fractions=(0.6, 0.1, 0.3), seed=seed)
    rows = [[n > 0 for n in row] for row in counts(split, labels).values()]
    assert sorted(rows) == [[True, False, True], [True, True, False]]


@steady
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=8, max_size=80), seeds)
def test_artists_of_several_genres_stay_whole_and_every_lack_is_noted(tracks, seed):
    labels, artists = [f"g{g}" for g, _ in tracks], [f"a{a}" for _, a in tracks]
    try:
        split = split_tracks(labels, artists, by="artist", seed=seed)
    except InputError:
        return
    assert_a_partition(split, len(labels))
    where = [{artists[i] for i in part} for part in parts(split)]
    assert sum(map(len, where)) == len(set(artists))
    lacks = {
        (genre, subset)
        for genre, row in counts(split, labels).items()
        for subset, count in zip(SUBSETS, row, strict=True)
        if count == 0
    }
    assert {(note.split(":")[0], note.split()[-1]) for note in split.notes} == lacks
    assert "train" not in {subset for _, subset in lacks}


def realistic(seed):
    """Return labels and artists like a web archive's: rare genres, large artists, some of several genres."""
    rng = np.random.default_rng(seed)
    labels, artists = [], []
    for genre, tracks in enumerate([2800, 2000, 1000, 500, 250, 110, 40]):
        left = tracks
        while left > 0:
            several = artists and rng.random() < 0.1
            artist = artists[rng.integers(len(artists))] if several else f"{genre}-{left}"
            size = min(left, 1 + int(rng.pareto(1.1)), max(1, tracks // 20))
            labels += [f"g{genre}"] * size
            artists += [artist] * size
            left -= size
    return labels, artists


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.6, 0.15, 0.25)])
def test_by_artist_shares_are_as_asked_over_all_and_in_each_genre(seed, fractions):
    labels, artists = realistic(seed)
    split = split_tracks(labels, artists, by="artist", fractions=fractions, seed=seed)
    shares = [len(part) / len(labels) for part in parts(split)]
    assert shares == pytest.approx(fractions, abs=0.005)
    for row in counts(split, labels).values():
        assert np.array(row) / sum(row) == pytest.approx(fractions, abs=0.02 if sum(row) > 100 else 0.05)
    assert split.notes == ()


def test_by_artist_large_artists_are_not_all_trained_on():
    labels, artists = collection([(genre, 10 if i % 4 == 0 else 1) for genre in "ab" for i in range(400)])
    split = split_tracks(labels, artists, by="artist", seed=0)
    large = [sum(n == 10 for n in Counter(artists[i] for i in part).values()) for part in parts(split)]
    assert large == pytest.approx([160, 20, 20], abs=4)


@steady
@given(st.lists(st.integers(3, 120), min_size=2, max_size=6), seeds)
def test_by_track_every_genre_is_divided_as_asked(sizes, seed):
    labels = [f"g{g}" for g, n in enumerate(sizes) for _ in range(n)]
    split = split_tracks(labels, ["same"] * len(labels), by="track", seed=seed)
    assert_a_partition(split, len(labels))
    for n, row in zip(sizes, counts(split, labels).values(), strict=True):
        assert min(row) > 0
        assert row == pytest.approx([0.8 * n, 0.1 * n, 0.1 * n], abs=2)
    assert split.notes == ()


def test_by_track_agrees_with_scikit_learn():
    labels, artists = realistic(0)
    ours = counts(split_tracks(labels, artists, by="track", seed=0), labels)
    train, rest = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    held = np.array(labels)[rest]
    validation, test = train_test_split(rest, test_size=0.5, stratify=held, random_state=0)
    names = np.array(labels)
    for genre, row in ours.items():
        theirs = [int((names[part] == genre).sum()) for part in (train, validation, test)]
        assert row == pytest.approx(theirs, abs=1)


@pytest.mark.parametrize("by", ["artist", "track"])
def test_the_seed_decides(by):
    labels, artists = realistic(0)
    first, again, other = (split_tracks(labels, artists, by=by, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(parts(first), parts(again), strict=True))
    assert len(set(first.test) & set(other.test)) < 0.4 * len(first.test)


def test_tracks_without_an_artist_stand_alone():
    labels = ["rock"] * 40 + ["pop"] * 30
    unknown = split_tracks(labels, [""] * 70, by="artist", seed=0)
    assert counts(unknown, labels) == {"rock": [32, 4, 4], "pop": [24, 3, 3]}


@pytest.mark.parametrize(
    ("labels", "artists", "by", "message"),
    [
        (["a", "a", "b", "b"], ["x", "x", "y", "z"], "artist", r"at least 2 artists.*in a \(1\).*split by track"),
        (["a"] * 3 + ["b"] * 2, list("vwxyz"), "track", r"at least 3 tracks.*in b \(2\).*exclude"),
        (["a", "a", "a"], list("xyz"), "track", "at least 2 genres, the collection has 1"),
        ([], [], "artist", "at least 2 genres, the collection has 0"),
        (["a", "b"] * 2, ["x", "x", "y", "y"], "artist", "no track in validation"),
    ],
)
def test_what_cannot_be_split_is_refused(labels, artists, by, message):
    with pytest.raises(InputError, match=message):
        split_tracks(labels, artists, by=by, seed=0)


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (0.9, 0.1, 0.0), (1.2, -0.1, -0.1)])
def test_fractions_must_be_shares(fractions):
    with pytest.raises(InputError, match="sum to 1"):
        split_tracks(["a", "b"] * 9, list("abcdefghijklmnopqr"), by="track", fractions=fractions, seed=0)


def test_the_official_split_is_taken_as_it_is():
    splits = ["test", "train", "train", "validation", "train"]
    split = official_split(splits, ["rock", "rock", "pop", "rock", "pop"])
    assert [list(part) for part in parts(split)] == [[1, 2, 4], [3], [0]]
    assert split.notes == ("pop: 2 tracks, none in validation", "pop: 2 tracks, none in test")


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (["train", "validation", "test", "", ""], r"none \(2 tracks\)"),
        (["train", "validation", "test", "training", "test"], r"training \(1 tracks\)"),
        (["train", "train", "test", "test", "test"], "no track in validation"),
        (["train", "train", "validation", "test", "test"], "no track in train of pop"),
    ],
)
def test_an_official_split_that_is_none_is_refused(splits, message):
    with pytest.raises(InputError, match=message):
        official_split(splits, ["rock", "rock", "rock", "pop", "pop"])
