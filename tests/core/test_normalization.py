"""Normalisation of clips, and statistics of a training set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler, minmax_scale, scale

from genrelab.config.experiment import NORMALIZATIONS
from genrelab.data.normalization import normalize_clips, stored_as, training_statistics
from genrelab.errors import InputError, WorkError


@pytest.fixture
def x() -> torch.Tensor:
    return -40 + 12 * torch.randn(4, 8, 50, generator=torch.Generator().manual_seed(0))


def test_none_and_training_set_change_nothing(x):
    for kind in ("none", "training_set"):
        assert normalize_clips(x, kind) is x
        assert stored_as(kind) == "none"


def test_minmax_equals_scikit_learn_on_each_clip(x):
    expected = np.stack([minmax_scale(clip.ravel()).reshape(clip.shape) for clip in x.numpy()])
    np.testing.assert_allclose(normalize_clips(x, "minmax"), expected, atol=1e-6)


def test_clip_equals_scikit_learn_on_each_clip(x):
    expected = np.stack([scale(clip.ravel()).reshape(clip.shape) for clip in x.double().numpy()])
    np.testing.assert_allclose(normalize_clips(x, "clip"), expected, atol=1e-5)


def test_band_equals_scikit_learn_on_each_band_of_each_clip(x):
    expected = np.stack([scale(clip, axis=1) for clip in x.double().numpy()])
    np.testing.assert_allclose(normalize_clips(x, "band"), expected, atol=1e-5)


@pytest.mark.parametrize("kind", NORMALIZATIONS)
@pytest.mark.parametrize("level", [0.0, -80.0, 1e-12, 1e9])
def test_a_constant_clip_stays_finite(kind, level):
    x = torch.full((2, 3, 7), level)
    found = normalize_clips(x, kind)
    assert torch.equal(found, x if stored_as(kind) == "none" else torch.zeros_like(x))


def test_a_small_scale_is_no_reason_to_call_a_clip_constant(x):
    for kind in ("minmax", "clip", "band"):
        torch.testing.assert_close(normalize_clips(x * 1e-9, kind), normalize_clips(x, kind), atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_a_clip_does_not_depend_on_its_batch(x, kind):
    assert torch.equal(normalize_clips(x, kind)[2:3], normalize_clips(x[2:3], kind))


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match="'min_max' is not one of minmax, clip"):
        normalize_clips(torch.zeros(1, 1, 1), "min_max")


@pytest.mark.parametrize("sizes", [[20], [7, 13], [1] * 20])
def test_statistics_equal_scikit_learn_however_the_clips_are_divided(sizes):
    clips = (-40 + 12 * np.random.default_rng(0).standard_normal((20, 8, 50))).astype(np.float16)
    scaler = StandardScaler().fit(clips.transpose(0, 2, 1).reshape(-1, 8).astype(np.float64))
    mean, deviation = training_statistics(iter(np.split(clips, np.cumsum(sizes)[:-1])))
    assert mean.shape == deviation.shape == (8, 1)
    assert mean.dtype == deviation.dtype == torch.float32
    np.testing.assert_allclose(mean[:, 0], scaler.mean_, rtol=1e-6)
    np.testing.assert_allclose(deviation[:, 0], scaler.scale_, rtol=1e-5)


@pytest.mark.parametrize("level", [0.0, -80.0, 60_000.0])
def test_the_deviation_of_a_constant_band_is_one(level):
    clips = np.random.default_rng(0).standard_normal((5, 2, 9)).astype(np.float16)
    clips[:, 1] = level
    mean, deviation = training_statistics([clips])
    assert deviation[1] == 1
    assert mean[1] == level


def test_statistics_of_nothing_are_an_error():
    with pytest.raises(WorkError, match="no clips"):
        training_statistics([])
