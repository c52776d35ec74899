"""Scores of a comparison against scikit-learn, on any probabilities, with ties and absent genres."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from genrelab.compare.metrics import COUNTED, METRICS, PER_GENRE, RANKED, Tallies

steady = settings(deadline=None, max_examples=25)  # a busy machine is no failure; scikit-learn is slow


@st.composite
def predictions(draw):
    """Return probabilities (tracks, classes), true classes and clusters; values are coarse, so that many tie."""
    classes, tracks = draw(st.integers(4, 12)), draw(st.integers(5, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([2, 5, 1000]))
    p = rng.integers(1, levels + 1, (tracks, classes)) + 1e-3 * rng.permutation(classes)  # no ties within a row
    true = rng.integers(draw(st.integers(2, classes)), size=tracks)
    true[:2] = 0, 1
    clusters = np.unique(rng.integers(tracks, size=tracks), return_inverse=True)[1]
    return p / p.sum(axis=1, keepdims=True), true, clusters


def references(p, true, weights=None):
    """Return what scikit-learn makes of predictions, by name."""
    classes, guess = p.shape[1], p.argmax(axis=1)
    labels, w = range(classes), {"sample_weight": weights}
    options = {"labels": labels, "zero_division": 0, **w}
    occur = [c for c in labels if np.any((true == c) & (True if weights is None else weights > 0))]
    truth = np.eye(classes)[true][:, occur]
    expected = {
        "accuracy": reference.accuracy_score(true, guess, **w),
        "f1_macro": reference.f1_score(true, guess, average="macro", **options),
        "f1_weighted": reference.f1_score(true, guess, average="weighted", **options),
        "balanced_accuracy": reference.recall_score(true, guess, average="macro", **options | {"labels": occur}),
        "top3_accuracy": reference.top_k_accuracy_score(true, p, k=3, labels=labels, **w),
        "log_loss": reference.log_loss(true, p, labels=labels, **w),
        "roc_auc": reference.roc_auc_score(truth, p[:, occur], average="macro", **w),
        "average_precision": reference.average_precision_score(truth, p[:, occur], average="macro", **w),
    }
    by_genre = reference.precision_recall_fscore_support(true, guess, **options)[:3]
    return [*[expected[name] for name in METRICS], *np.concatenate(by_genre)]


@steady
@given(predictions())
def test_every_score_is_that_of_scikit_learn(case):
    p, true, clusters = case
    ours = Tallies.of(p[None], true, clusters).scores()
    assert ours.shape == (1, 1, len(METRICS) + len(PER_GENRE) * p.shape[1])
    np.testing.assert_allclose(ours[0, 0], references(p, true), atol=1e-9)


@steady
@given(predictions(), st.integers(0, 1000))
def test_counted_scores_of_resampled_clusters_are_those_of_the_resampled_tracks(case, seed):
    p, true, clusters = case
    weights = np.random.default_rng(seed).integers(3, size=clusters.max() + 1).astype(float)
    rows = np.repeat(np.arange(len(true)), weights[clusters].astype(int))
    if len(np.unique(true[rows])) < 2:
        return
    ours = Tallies.of(p[None], true, clusters).scores(weights[None])[0, 0]
    keep = np.r_[: len(COUNTED), len(METRICS) : len(ours)]
    np.testing.assert_allclose(ours[keep], np.array(references(p[rows], true[rows]))[keep], atol=1e-9)


@steady
@given(predictions(), st.integers(0, 59))
def test_gradients_of_ranking_scores_are_those_of_scikit_learn(case, which):
    p, true, _ = case
    track, step = which % len(true), 1e-5
    tallies = Tallies.of(p[None], true, np.arange(len(true)))
    heavier, lighter = np.ones(len(true)), np.ones(len(true))
    heavier[track] += step
    lighter[track] -= step
    ranked = slice(len(COUNTED), len(METRICS))
    slopes = np.subtract(*[references(p, true, w)[ranked] for w in (heavier, lighter)]) / (2 * step)
    np.testing.assert_allclose(tallies.gradients[0, track], slopes, atol=1e-6)


def test_ranking_scores_of_resamples_follow_the_exact_ones():
    rng = np.random.default_rng(0)
    tracks, classes = 400, 5
    true, clusters = rng.integers(classes, size=tracks), np.arange(tracks) // 4
    logits = rng.standard_normal((tracks, classes))
    logits[np.arange(tracks), true] += 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    weights = rng.multinomial(100, np.full(100, 0.01), size=40).astype(float)
    ranked = slice(len(COUNTED), len(METRICS))
    ours = Tallies.of(p[None], true, clusters).scores(weights)[0, :, ranked]
    exact = np.array([references(p, true, w[clusters])[ranked] for w in weights])
    errors, spread = np.abs(ours - exact).mean(axis=0), exact.std(axis=0)
    assert (errors < 0.2 * spread).all(), errors / spread


def test_a_genre_absent_from_a_resample_scores_zero_and_counts():
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])[None]
    scores = Tallies.of(p, np.array([0, 0, 1]), np.array([0, 1, 2])).scores(np.array([[1.0, 1.0, 0.0]]))[0, 0]
    assert scores[METRICS.index("f1_macro")] == 0.5
    assert scores[METRICS.index("balanced_accuracy")] == 1.0


def test_scores_are_named_once():
    assert len(set(METRICS)) == len(METRICS) == len(COUNTED) + len(RANKED)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = Tallies.of(np.full((1, 2, 4), 0.25), np.array([0, 1]), np.array([0, 0]))
    assert one.scores()[0, 0, METRICS.index("roc_auc")] == pytest.approx(0.5)
