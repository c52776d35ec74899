"""Intervals and tests hold what they promise in worlds whose truth is known."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from scipy import stats

from genrelab.compare.metrics import METRICS, Tallies
from genrelab.compare.paired import TESTED, detectable, permutation_test
from genrelab.compare.resample import Resampled, difference, interval, resample, widening
from tests.core.comparison_worlds import World

SKILL = 1.5
ACCURACY, F1 = METRICS.index("accuracy"), METRICS.index("f1_macro")
COLUMNS = [METRICS.index(name) for name in TESTED]


def judge(world: World, seed: int, skills: tuple[float, ...] = (SKILL, SKILL), seeds: int = 3, count: int = 400):
    """Simulate a study; return the tallies of each candidate, their resamples, and which artist has which track."""
    found, true, artists = world.draw(np.random.default_rng(seed), skills, seeds)
    tallies = [Tallies.of(p, true, artists) for p in found]
    return tallies, resample(tallies, [str(i) for i in range(len(skills))], count, seed), artists


def truth(world: World, skill: float = SKILL) -> np.ndarray:
    """What a candidate of this skill scores on endless tracks with endless seeds."""
    endless = attrs.evolve(world, artists=20000)
    draws = [endless.draw(np.random.default_rng([9, i]), (skill,), 10) for i in range(3)]
    return np.mean(
        [Tallies.of(p[0], true, artists).scores()[:, 0].mean(axis=0) for p, true, artists in draws], axis=0
    )


def rejects(tallies: list[Tallies], found: list[Resampled], seed: int) -> np.ndarray:
    a, b = found
    wider = widening(a.artists - b.artists, a, b)[COLUMNS]
    return permutation_test(*tallies, (a.luck - b.luck)[:, COLUMNS], wider, [seed]) < 0.05


def simulate(world: World, studies: int, seeds: int = 3) -> dict[str, np.ndarray]:
    """Return how often intervals cover and tests reject where two candidates are equal."""
    real = truth(world)
    covered, covered_difference, rejected, naive = [], [], [], []
    for seed in range(studies):
        tallies, found, artists = judge(world, seed, seeds=seeds)
        low, high = interval(found[0])
        covered.append((low <= real) & (real <= high))
        _, (low, high) = difference(*found)
        covered_difference.append((low <= 0) & (high >= 0))
        rejected.append(rejects(tallies, found, seed))
        share = found[0].mean[ACCURACY]
        error = stats.norm.ppf(0.975) * np.sqrt(share * (1 - share) / len(artists))
        naive.append(abs(share - real[ACCURACY]) <= error)
    results = {"covered": covered, "difference": covered_difference, "rejected": rejected, "naive": naive}
    return {name: np.mean(values, axis=0) for name, values in results.items()}


def test_rates_are_about_right_in_a_few_simulated_studies() -> None:
    rates = simulate(World(), 120)
    assert (rates["rejected"] <= 0.12).all(), rates
    assert (rates["covered"][[ACCURACY, F1]] >= 0.87).all(), rates
    assert (rates["difference"][[ACCURACY, F1]] >= 0.87).all(), rates
    assert rates["naive"] <= 0.9


# Worlds in which figures must be right: the usual, one without luck, one where luck is most of it.
FULL = {
    "usual": (World(), 3),
    "five seeds": (World(), 5),
    "no luck": (World(luck=0.0), 3),
    "much luck": (World(luck=0.3), 3),
    "many genres": (World(classes=8, artists=240), 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_rates_are_right_in_1000_simulated_studies(name: str) -> None:
    world, seeds = FULL[name]
    rates = simulate(world, 1000, seeds)
    print(name, {k: np.round(v[: len(METRICS)] if v.ndim else v, 3).tolist() for k, v in rates.items()})
    assert ((rates["rejected"] >= 0.03) & (rates["rejected"] <= 0.07)).all(), rates["rejected"]
    for kind in ("covered", "difference"):
        rate = rates[kind][[ACCURACY, F1]]
        assert ((rate >= 0.93) & (rate <= 0.97)).all(), (kind, rate)
    assert rates["naive"] < 0.9


@pytest.mark.slow
def test_the_detectable_difference_is_mostly_detected() -> None:
    world, studies = World(), range(300)
    widths = [np.ptp(difference(*judge(world, s)[1])[1][:, F1]) for s in range(40)]
    wanted = detectable(float(np.mean(widths)))
    skills = np.linspace(SKILL, SKILL + 1.5, 16)
    apart = [truth(world, skill)[F1] - truth(world)[F1] for skill in skills]
    better = float(np.interp(wanted, apart, skills))
    found = [rejects(*judge(world, s, (better, SKILL))[:2], s)[0] for s in studies]
    assert 0.62 <= np.mean(found) <= 0.88  # the permutation test is a little conservative: 0.69


def test_the_interval_does_not_depend_on_who_else_takes_part() -> None:
    tallies, found, _ = judge(World(), 0, (1.5, 1.5, 2.0))
    alone = resample(tallies[1:2], ["1"], 400, 0)[0]
    assert np.array_equal(interval(alone), interval(found[1]))


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    tallies, _, _ = judge(World(), 0)
    first, again, other = (interval(resample(tallies, ["a", "b"], 300, seed)[0]) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_resampling_artists_gives_the_deviation_known_from_theory() -> None:
    """The cluster bootstrap of accuracy against the formula of a ratio estimator (Cochran, 1977, section 6.3)."""
    tallies, _, _ = judge(World(), 3, seeds=1)
    found = resample(tallies, ["a", "b"], 4000, 0)[0]
    right, size = tallies[0].sums[0, :, : World().classes].sum(axis=1), tallies[0].support.sum(axis=1)
    rest = right - size * right.sum() / size.sum()
    expected = np.sqrt(len(size) * rest.var(ddof=1)) / size.sum()
    assert found.artists[:, ACCURACY].std() == pytest.approx(expected, rel=0.04)


def test_intervals_of_f1_allow_for_its_being_low_on_few_tracks() -> None:
    world = World(classes=12, artists=100, luck=0.0)
    found = [judge(world, seed, (SKILL,), seeds=1, count=300)[1][0] for seed in range(60)]
    real = truth(world)[F1]
    plain = np.mean([f.mean[F1] for f in found]) - real
    middle = np.mean([interval(f)[:, F1].mean() for f in found]) - real
    assert plain < -0.01
    assert abs(middle) < abs(plain) / 2


def test_one_run_has_no_luck_and_runs_that_differ_much_have() -> None:
    assert not judge(World(), 0, seeds=1)[1][0].luck.any()
    found = judge(World(luck=1.0), 0, seeds=5)[1][0]
    share = found.luck_variance[ACCURACY] / (found.runs[:, ACCURACY].var(ddof=1) / 5)
    assert 0.9 < share < 1
    assert found.luck[:, ACCURACY].var() == pytest.approx(found.luck_variance[ACCURACY], rel=0.3)


def test_few_seeds_widen_intervals_as_students_t_does() -> None:
    runs, still, none = np.zeros((3, 1)), np.zeros((10, 1)), np.zeros(1)
    lucky = Resampled(runs, still, none, still, np.ones(1), clusters=1000)
    assert widening(still, lucky)[0] == pytest.approx(stats.t.ppf(0.975, 2) / stats.norm.ppf(0.975))
    assert widening(still, lucky, lucky)[0] == pytest.approx(stats.t.ppf(0.975, 4) / stats.norm.ppf(0.975))
    assert widening(still, Resampled(runs, still, none, still, none, clusters=1000))[0] == pytest.approx(1)


def test_equal_predictions_differ_by_nothing() -> None:
    tallies, _, _ = judge(World(luck=0.0), 0)
    same = resample([tallies[0], tallies[0]], ["a", "b"], 300, 0)
    middle, (low, high) = difference(*same)
    assert not middle.any()
    assert (low <= 0).all()
    assert (high >= 0).all()
