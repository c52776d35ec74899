"""Comparisons over several splits: what is read and refused, and how often equal candidates are found to differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from scipy import stats

from genrelab.compare.read_splits import read_splits
from genrelab.compare.splits import compare_splits, corrected_interval, corrected_test
from genrelab.compare.tables import lines, tables
from genrelab.errors import InputError
from genrelab.files import read_json
from tests.conftest import Command
from tests.core.test_compare_runs import SKILLS, tracks, write_run

FOLDS = 4


def write_folds(folder: Path, skills: dict[str, float] = SKILLS, folds: int = FOLDS) -> list[Path]:
    """Write the runs of a study in folds: artist a is tested in fold a modulo folds."""
    return [
        write_run(
            folder / f"fold-{fold}",
            skills,
            [
                attrs.evolve(t, split="test" if int(t.artist[7:]) // 4 % folds == fold else "train")
                for t in tracks()
            ],
            seeds=(1, 2),
            split={"seed": 42, "folds": folds, "fold": fold + 1},
        )
        for fold in range(folds)
    ]


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The runs of four folds; tests only read them."""
    return write_folds(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def found(roots: list[Path]) -> dict[str, Any]:
    return compare_splits(read_splits(roots))


def test_a_difference_is_told_from_chance_over_folds(found: dict[str, Any]) -> None:
    weak_good, _, good_same = found["pairs"]
    assert weak_good["sentence"].startswith("good is better than weak by ")
    assert " cannot be told apart (difference " in good_same["sentence"]
    assert found["verdict"].endswith("; all others are worse.")


def test_every_track_is_tested_in_one_fold(found: dict[str, Any]) -> None:
    collection = tracks()
    assert found["test_set"]["tracks"] == len(collection)
    assert found["test_set"]["clusters"] == len({t.artist for t in collection})
    assert found["splits"] == FOLDS


def test_scores_are_means_over_splits(roots: list[Path], found: dict[str, Any]) -> None:
    from genrelab.compare.comparison import compare
    from genrelab.compare.read import read_runs

    alone = [compare(read_runs([root]), resamples=200, seed=0)["candidates"]["good"] for root in roots]
    for score in ("accuracy", "f1_macro", "roc_auc", "log_loss"):
        each = [c["scores"][score]["mean"] for c in alone]
        together = found["candidates"]["good"]["scores"][score]
        assert together["runs"] == pytest.approx(each)
        assert together["mean"] == pytest.approx(np.mean(each))
        assert together["low"] <= together["mean"] <= together["high"]


def test_tables_and_lines_speak_of_splits(found: dict[str, Any]) -> None:
    titles = [table.title for table in tables(found)]
    assert "Scores on 180 test tracks by 60 artists: mean over 4 splits (95 % interval)" in titles
    assert "Differences in accuracy (95 % interval), corrected t-test over splits" in titles
    assert any(line.startswith("Friedman over 4 splits: p ") for line in lines(found))
    assert "note: only 4 splits: intervals are wide" in lines(found)


def test_independent_splits_give_students_t() -> None:
    """Where training sets do not overlap there is nothing to correct."""
    values = np.random.default_rng(0).normal(0.1, 0.2, 7)
    known = stats.ttest_1samp(values, 0)
    assert corrected_test(values, 0) == pytest.approx(known.pvalue)
    mean, low, high = corrected_interval(values[:, None], 0)
    assert (low[0], high[0]) == pytest.approx(tuple(known.confidence_interval()))
    assert mean[0] == pytest.approx(values.mean())


def test_overlapping_training_sets_widen_the_interval_by_the_share_of_test_tracks() -> None:
    values = np.random.default_rng(0).normal(0.1, 0.2, (5, 1))
    plain, wide = ((high - low).item() for _, low, high in (corrected_interval(values, s) for s in (0, 0.25)))
    assert wide / plain == pytest.approx(np.sqrt((1 / 5 + 0.25) / (1 / 5)))


def test_what_never_varies_is_certain() -> None:
    assert corrected_test(np.zeros(4), 0.2) == 1
    assert corrected_test(np.full(4, 0.5), 0.2) == 0


class TestRefusal:
    def refused(self, roots: list[Path]) -> str:
        with pytest.raises(InputError) as caught:
            read_splits(roots)
        return str(caught.value)

    def test_two_splits(self, roots: list[Path]) -> None:
        assert "needs at least 3 runs, one a split; there are 2" in self.refused(roots[:2])

    def test_one_split_twice(self, roots: list[Path]) -> None:
        assert self.refused([*roots[:2], roots[0]]).endswith("have the same split")

    def test_another_experiment(self, roots: list[Path], tmp_path: Path) -> None:
        other = write_folds(tmp_path, {"weak": 0.5, "good": 2.5, "else": 2.5})
        said = self.refused([*roots[:3], other[3]])
        assert f"{other[3]} is no other split of {roots[0]}: candidate[2].name is 'same' there, 'else' here" in said

    def test_another_collection(self, roots: list[Path], tmp_path: Path) -> None:
        split = {"seed": 42, "folds": FOLDS, "fold": 4}
        other = write_run(tmp_path / "x", collection=tracks(artists=50), seeds=(1, 2), split=split)
        assert "30 tracks differ, '50-0' among them" in self.refused([*roots[:3], other])

    def test_a_candidate_without_final_runs(self, tmp_path: Path) -> None:
        roots = write_folds(tmp_path)
        for file in roots[2].glob("candidates/good/final/*/result.json"):
            file.unlink()
        assert f"{roots[2]}: candidate 'good' has no completed final run" in self.refused(roots)


def test_the_command_writes_beside_the_runs(roots: list[Path], genrelab: Command) -> None:
    done = genrelab("compare", *roots, "--splits")
    assert done.returncode == 0, done.stderr
    name = read_json(roots[0].parent / "fold-0-splits/comparison.json")
    assert done.stdout.splitlines()[-1] == f"results: {roots[0].parent / 'fold-0-splits/comparison.md'}"
    assert name["splits"] == FOLDS


def test_runs_of_several_splits_are_not_compared_unasked(roots: list[Path], genrelab: Command) -> None:
    done = genrelab("compare", *roots)
    assert done.returncode == 2
    assert "with --splits" in done.stderr


@attrs.frozen
class World:
    """Two equal candidates on artists of one genre each, learnt and tested anew on each of several splits."""

    splits: int = 5
    folds: bool = True
    """Whether every artist is tested once; else a fifth of them is drawn for each split."""
    artists: int = 80
    learnt: float = 0.15
    """Deviation that the choice of a training set gives the skill, in logits."""
    luck: float = 0.1
    """Deviation that the seed gives it."""

    def differences(self, rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], float]:
        """Return the difference in F1-macro in each split (splits,), and test tracks for each training track."""
        genres, tracks, seeds = 4, 4, 2
        genre = rng.integers(genres, size=self.artists)
        artist = np.repeat(np.arange(self.artists), tracks)
        true, n = genre[artist], tracks * self.artists
        shared = rng.standard_normal((self.artists, genres))[artist] + rng.standard_normal((n, genres))
        own = 0.5 * rng.standard_normal((2, self.artists, genres))
        gain = self.learnt * rng.standard_normal((2, self.artists))
        order, found = rng.permutation(self.artists), []
        for split in range(self.splits):
            others = order if self.folds else rng.permutation(self.artists)
            tested = others[split :: self.splits] if self.folds else others[: self.artists // 5]
            learnt = rng.permutation(np.setdiff1d(order, tested))[self.artists // 10 :]
            rows = np.isin(artist, tested)
            scores = np.zeros(2)
            for candidate in (0, 1):
                skill = 1.5 + np.sqrt(len(learnt)) * gain[candidate][learnt].mean()
                for _ in range(seeds):
                    logits = (shared + own[candidate][artist] + 0.7 * rng.standard_normal((n, genres)))[rows]
                    logits[np.arange(len(logits)), true[rows]] += skill + self.luck * rng.standard_normal()
                    scores[candidate] += f1_macro(true[rows], logits.argmax(axis=1), genres) / seeds
            found.append(scores[0] - scores[1])
        return np.array(found), len(tested) / len(learnt)


def f1_macro(true: Any, guess: Any, classes: int) -> float:
    confusion = np.bincount(true * classes + guess, minlength=classes**2).reshape(classes, classes)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * np.diag(confusion) / np.maximum(total, 1)).mean())


def rates(world: World, studies: int) -> tuple[float, float]:
    """Return how often equal candidates differ: by our test, and by one that takes splits as independent."""
    drawn = [world.differences(np.random.default_rng(seed)) for seed in range(studies)]
    ours = np.mean([corrected_test(d, share) < 0.05 for d, share in drawn])
    naive = np.mean([corrected_test(d, 0) < 0.05 for d, _ in drawn])
    return float(ours), float(naive)


def test_equal_candidates_rarely_differ_in_a_few_simulated_studies() -> None:
    ours, naive = rates(World(splits=10, folds=False), 150)
    assert ours <= 0.12
    assert naive > 0.2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "least", "most"),
    [
        (World(), 0.03, 0.07),
        (World(splits=10), 0.03, 0.07),
        (World(folds=False), 0.03, 0.07),
        (World(splits=10, folds=False), 0.03, 0.07),
        (World(learnt=0.0), 0.0, 0.07),  # cautious where the training set does not matter
    ],
)
def test_equal_candidates_differ_in_five_of_a_hundred_simulated_studies(
    world: World, least: float, most: float
) -> None:
    ours, naive = rates(world, 1000)
    print(world, ours, naive)
    assert least <= ours <= most
    assert naive > ours
