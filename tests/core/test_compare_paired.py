"""Tests of pairs against SciPy, statsmodels and worked examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from genrelab.compare.metrics import Tallies
from genrelab.compare.paired import detectable, friedman, holm, mcnemar, permutation_test


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from([0.0, 0.01, 0.03]) | st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_that_of_statsmodels(p):
    np.testing.assert_allclose(holm(np.array(p)), multipletests(p, method="holm")[1])


def test_holm_of_nothing_is_nothing():
    assert holm(np.array([])).size == 0


SAME = np.ones(2)  # no widening


def certain(guesses, classes=3):
    """Probabilities (runs, tracks, classes) that point at the guesses (runs, tracks)."""
    return np.eye(classes)[np.asarray(guesses)] * 0.9 + 0.1 / classes


def test_mcnemar_is_that_of_statsmodels_on_the_mean_over_runs():
    rng = np.random.default_rng(0)
    true = rng.integers(3, size=80)
    a, b = (rng.dirichlet(np.ones(3), size=(3, 80)) + q * np.eye(3)[true] for q in (0.2, 0.05))
    right_a, right_b = (p.mean(axis=0).argmax(axis=1) == true for p in (a, b))
    table = [[np.sum(x & y) for y in (right_b, ~right_b)] for x in (right_a, ~right_a)]
    found = mcnemar(a, b, true)
    assert found["p"] == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
    assert [found["only_a"], found["only_b"]] == [table[0][1], table[1][0]]


def test_mcnemar_of_equal_predictions_has_p_1():
    p = certain([[0, 1, 2]])
    assert mcnemar(p, p, np.array([0, 1, 1])) == {"only_a": 0, "only_b": 0, "p": 1.0}


def tallies(guesses, true, clusters=None):
    true = np.asarray(true)
    return Tallies.of(certain(guesses), true, np.arange(len(true)) if clusters is None else np.asarray(clusters))


def test_the_permutation_test_of_accuracy_is_the_sign_test_where_each_track_is_its_own_cluster():
    true = np.arange(40) % 3
    wrong = (true + 1) % 3
    a = np.where(np.arange(40) < 33, true, wrong)  # right on 33
    b = np.where(np.arange(40) >= 19, true, wrong)  # right on 21: 19 only a, 7 only b
    p = permutation_test(tallies([a], true), tallies([b], true), np.zeros((40000, 2)), SAME, [0])
    assert p[1] == pytest.approx(stats.binomtest(19, 26).pvalue, abs=0.004)


def test_tracks_of_one_artist_count_as_one():
    true = np.arange(40) % 3
    a, b = true, np.where(np.arange(40) < 30, true, (true + 1) % 3)
    none = np.zeros((2000, 2))
    alone = permutation_test(tallies([a], true), tallies([b], true), none, SAME, [0])
    one_artist = np.minimum(np.arange(40), 30)
    together = permutation_test(tallies([a], true, one_artist), tallies([b], true, one_artist), none, SAME, [0])
    assert alone.max() < 0.01
    assert together.tolist() == [1.0, 1.0]  # swapping it turns the sign and no more


def test_runs_are_swapped_together_and_further_runs_of_one_candidate_left_out():
    true = np.arange(30) % 3
    a, b = true, np.where(np.arange(30) < 5, (true + 1) % 3, true)
    none = np.zeros((4000, 2))
    once = permutation_test(tallies([a], true), tallies([b], true), none, SAME, [0])
    thrice = permutation_test(tallies([a] * 3, true), tallies([b] * 3, true), none, SAME, [0])
    more = permutation_test(tallies([a, b], true), tallies([b], true), none, SAME, [0])
    assert once.tolist() == thrice.tolist() == more.tolist()


def test_equal_candidates_have_p_1_and_luck_makes_p_larger():
    true = np.arange(30) % 3
    a, b = tallies([true], true), tallies([np.where(np.arange(30) < 8, (true + 1) % 3, true)], true)
    assert permutation_test(a, a, np.zeros((200, 2)), SAME, [0]).tolist() == [1.0, 1.0]
    luck = 0.3 * np.random.default_rng(0).standard_normal((2000, 2))
    sure, lucky = permutation_test(a, b, 0 * luck, SAME, [0]), permutation_test(a, b, luck, SAME, [0])
    assert (sure < 0.05).all()
    assert (lucky > 0.2).all()


def test_the_same_seed_gives_the_same_p():
    true = np.arange(30) % 3
    a, b = tallies([true], true), tallies([np.where(np.arange(30) < 3, (true + 1) % 3, true)], true)
    none = np.zeros((500, 2))
    first, again, other = (permutation_test(a, b, none, SAME, [s]) for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_friedman_is_that_of_the_worked_example_of_demsar():
    # Demšar (2006), table 6: four variants of C4.5 on 14 datasets, AUC; ranks 3.143, 2.000, 2.893, 1.964.
    table = [
        [.763, .768, .771, .798], [.599, .591, .590, .569], [.954, .971, .968, .967], [.628, .661, .654, .657],
        [.882, .888, .886, .898], [.936, .931, .916, .931], [.661, .668, .609, .685], [.583, .583, .563, .625],
        [.775, .838, .866, .875], [1, 1, 1, 1], [.940, .962, .965, .962], [.619, .666, .614, .669],
        [.972, .981, .9751, .975], [.957, .978, .946, .970],
    ]  # fmt: skip
    found = friedman(np.array(table).T)
    assert found is not None
    assert found["ranks"] == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=1e-3)
    assert found["critical_difference"] == pytest.approx(1.25, abs=0.01)  # 2.569 sqrt(4 * 5 / (6 * 14))
    assert found["p"] < 0.05


@pytest.mark.parametrize("shape", [(2, 6), (3, 4)])
def test_friedman_is_silent_where_it_has_too_little(shape):
    assert friedman(np.random.default_rng(0).random(shape)) is None
    assert friedman(np.full((3, 6), 0.5)) is None


def test_a_difference_of_1_4_half_widths_is_found_with_80_percent_power():
    half = 1.5 * stats.norm.ppf(0.975)
    estimates = stats.norm.rvs(detectable(2 * half), 1.5, size=100_000, random_state=0)
    assert np.mean(np.abs(estimates) > half) == pytest.approx(0.8, abs=0.01)
