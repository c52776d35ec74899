"""Scores against scikit-learn, on any true and predicted classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from genrelab.training.metrics import confusion_matrix, per_genre, scores

steady = settings(deadline=None)  # a busy machine is no failure


@st.composite
def guesses(draw):
    """Return true classes, predicted classes and the number of classes; some may not occur at all."""
    classes = draw(st.integers(2, 16))
    one = st.integers(0, classes - 1)
    pairs = draw(st.lists(st.tuples(one, one), min_size=1, max_size=60))
    true, predicted = zip(*pairs, strict=True)
    return true, predicted, classes


@steady
@given(guesses())
def test_confusion_matrix_is_that_of_scikit_learn(case):
    true, predicted, classes = case
    ours = confusion_matrix(true, predicted, classes)
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(
        ours, reference.confusion_matrix(true, predicted, labels=range(classes), normalize=None)
    )


@steady
@given(guesses())
def test_scores_are_those_of_scikit_learn(case):
    true, predicted, classes = case
    ours = scores(confusion_matrix(true, predicted, classes), loss=0.25)
    options = {"labels": range(classes), "zero_division": 0}
    assert ours == pytest.approx(
        {
            "loss": 0.25,
            "accuracy": reference.accuracy_score(true, predicted),
            "f1_macro": reference.f1_score(true, predicted, average="macro", **options),
            "f1_weighted": reference.f1_score(true, predicted, average="weighted", **options),
            "accuracy_one_vs_rest": one_vs_rest(true, predicted, classes),
        }
    )
    assert all(type(value) is float for value in ours.values())


def one_vs_rest(true, predicted, classes):
    """sum(TP + TN) / sum(TP + TN + FP + FN), from one two-class matrix a class."""
    each = reference.multilabel_confusion_matrix(true, predicted, labels=range(classes))
    return (each[:, 0, 0] + each[:, 1, 1]).sum() / each.sum()


@steady
@given(guesses())
def test_per_genre_scores_are_those_of_scikit_learn(case):
    true, predicted, classes = case
    names = [f"genre {i}" for i in range(classes)]
    rows = per_genre(confusion_matrix(true, predicted, classes), names)
    assert [row["genre"] for row in rows] == names
    expected = reference.precision_recall_fscore_support(true, predicted, labels=range(classes), zero_division=0)
    for key, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        np.testing.assert_allclose([row[key] for row in rows], column, err_msg=key)


def test_accuracy_one_vs_rest_is_the_larger_number_of_the_published_study():
    confusion = np.zeros((12, 12), np.int64)
    confusion[0, 0], confusion[0, 1] = 714, 286
    assert scores(confusion, 0.0)["accuracy"] == 0.714
    assert scores(confusion, 0.0)["accuracy_one_vs_rest"] == pytest.approx(0.952, abs=5e-4)


def test_a_genre_that_never_occurs_lowers_the_macro_mean():
    two = scores(confusion_matrix([0, 1], [0, 1], 2), 0.0)
    three = scores(confusion_matrix([0, 1], [0, 1], 3), 0.0)
    assert (two["f1_macro"], three["f1_macro"]) == (1.0, pytest.approx(2 / 3))
    assert (two["f1_weighted"], three["f1_weighted"]) == (1.0, 1.0)


@pytest.mark.parametrize(("true", "predicted"), [([0], [3]), ([-1], [0]), ([3], [0])])
def test_an_index_that_is_no_class_is_refused(true, predicted):
    with pytest.raises(ValueError, match=r"outside 0\.\.2"):
        confusion_matrix(true, predicted, 3)


def test_no_clips_have_no_scores():
    nothing = confusion_matrix([], [], 4)
    assert nothing.shape == (4, 4)
    with pytest.raises(ValueError, match="no clips"):
        scores(nothing, 0.0)


def test_genre_names_must_fit_the_matrix():
    with pytest.raises(ValueError, match="zip"):
        per_genre(confusion_matrix([0], [1], 3), ["rock", "pop"])
