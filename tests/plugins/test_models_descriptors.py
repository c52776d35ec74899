"""Descriptors against scipy: cepstrum, contrast, changes, onsets and the spectrum of their rhythm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.fft import dct
from scipy.signal import periodogram

from genrelab import InputError
from genrelab_plugins.models import descriptors
from genrelab_plugins.models._descriptors import KINDS, Descriptors
from genrelab_plugins.models._statistics import SoftClip

BINS, FRAMES = 64, 700
HOP_RATE = 22050 / 512  # frames a second
ALONE = {"timbre": 1.0, "contrast": 0.0, "changes": 0.0, "rhythm": 0.0}


@pytest.fixture
def spectrograms():
    """Two spectrograms in dB of the size that music has, (2, 64, 700)."""
    rng = np.random.default_rng(0)
    return (-40 + 10 * rng.standard_normal((2, BINS, FRAMES)).cumsum(2) / 8).astype(np.float32)


def compute(x, **wanted):
    module = Descriptors(x.shape[1], ALONE | wanted)
    values = module(torch.from_numpy(np.asarray(x, np.float32)))
    assert values.shape == (len(x), module.values)
    return values.numpy()


def moments(x):
    change = np.diff(x, axis=2)
    return np.concatenate([x.mean(2), x.std(2), change.std(2)], 1)


def grouped(x, how):
    return np.stack([how(group) for group in np.array_split(x.astype(np.float64), 8, axis=1)], 1)


def test_cepstra_are_those_of_scipy(spectrograms):
    cepstrum = dct(spectrograms.astype(np.float64), type=2, axis=1, norm="ortho")[:, :20]
    np.testing.assert_allclose(compute(spectrograms), moments(cepstrum), rtol=1e-3, atol=2e-3)


def test_contrast_is_the_highest_over_the_lowest_quarter_of_neighbouring_bins(spectrograms):
    def contrast(group):
        ordered = np.sort(group, axis=1)
        return ordered[:, -2:].mean(1) - ordered[:, :2].mean(1)

    found = compute(spectrograms, contrast=1.0)[:, 60:]
    np.testing.assert_allclose(found, moments(grouped(spectrograms, contrast)), rtol=1e-3, atol=1e-3)


def test_changes_are_deviations_over_each_lag(spectrograms):
    cepstrum = dct(spectrograms.astype(np.float64), type=2, axis=1, norm="ortho")[:, :13]
    lags = (1, 2, 4, 8, 16, 32)
    expected = [np.log((cepstrum[:, :, lag:] - cepstrum[:, :, :-lag]).std(2)) for lag in lags]
    found = compute(spectrograms, changes=1.0)[:, 60:]
    np.testing.assert_allclose(found, np.concatenate(expected, 1), atol=1e-3)


def test_rhythm_is_the_periodogram_of_rises(spectrograms):
    change = np.diff(grouped(spectrograms, lambda group: group.mean(1)), axis=2)
    rise = change.clip(min=0)
    rates, power = periodogram(rise, window="hann", detrend="constant", scaling="density", nfft=699)
    power = power * 0.375 / 2  # density is per mean square of the window, and of one side
    edges = np.geomspace(1 / 54, 0.5, 11)
    bands = [power[..., (low <= rates) & (rates < high)].mean(-1) for low, high in itertools.pairwise(edges)]
    strength = np.log(np.concatenate([rise.mean(2), np.abs(change).mean(2)], 1))
    expected = np.concatenate([strength, np.log(np.stack(bands, 2) + 1e-3).reshape(2, -1)], 1)
    np.testing.assert_allclose(compute(spectrograms, rhythm=1.0)[:, 60:], expected, atol=2e-3)


@pytest.mark.parametrize("rate", [1.0, 2.0, 4.0, 8.0])
def test_a_pulse_stands_out_in_the_band_of_its_rate(rate):
    seconds = np.arange(FRAMES) / HOP_RATE
    level = np.tile(-40 + 10 * np.cos(2 * np.pi * rate * seconds), (1, BINS, 1))
    bands = compute(level, rhythm=1.0)[0, 60 + 16 :].reshape(8, 10)
    edges = np.geomspace(1 / 54, 0.5, 11) * HOP_RATE
    expected = np.searchsorted(edges, rate) - 1
    assert (bands.argmax(1) == expected).all()


def test_louder_is_another_level_and_nothing_else(spectrograms):
    found = compute(spectrograms + 6, contrast=1.0, changes=1.0, rhythm=1.0)
    plain = compute(spectrograms, contrast=1.0, changes=1.0, rhythm=1.0)
    np.testing.assert_allclose(found[:, 0] - plain[:, 0], 6 * np.sqrt(BINS), rtol=1e-3)
    np.testing.assert_allclose(found[:, 1:], plain[:, 1:], atol=5e-3)


@pytest.mark.parametrize("frames", [8, 33, 130, 1292])
def test_silence_and_clips_of_any_length_give_finite_values_and_gradients(frames):
    x = torch.full((3, BINS, frames), -100.0, requires_grad=True)
    values = Descriptors(BINS, dict.fromkeys(KINDS, 1.0))(x)
    values.sum().backward()
    assert values.isfinite().all()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_outliers_are_bent_and_small_values_are_not():
    x = torch.tensor([-50.0, -0.1, 0.0, 0.1, 50.0])
    torch.testing.assert_close(SoftClip(3.0)(x), torch.tensor([-3.0, -0.1, 0.0, 0.1, 3.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("hidden_dim", "parameters"), [(0, 259 * 5), (32, 258 * 32 + 32 + 33 * 5)])
def test_only_the_classifier_is_learned(hidden_dim, parameters):
    model = descriptors.build(descriptors.Params(hidden_dim=hidden_dim), (BINS, 130), 5)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_a_weight_makes_values_of_its_kind_smaller(spectrograms):
    def values(**weights):
        model = descriptors.build(
            descriptors.Params(contrast=0, rhythm=0, hidden_dim=0, **weights), (BINS, FRAMES), 5
        )
        return model.eval().embed(torch.from_numpy(spectrograms))

    timbre, changes, both = values(changes=0), values(timbre=0, changes=1), values(timbre=1, changes=0.25)
    torch.testing.assert_close(both, torch.cat([timbre, 0.25 * changes], 1))


def test_nothing_to_look_at_is_refused():
    with pytest.raises(InputError, match="all weights are 0"):
        descriptors.build(descriptors.Params(timbre=0, contrast=0, changes=0, rhythm=0), (BINS, 130), 5)


@pytest.mark.parametrize("shape", [(15, 130), (64, 7)])
def test_features_that_are_too_small_are_refused(shape):
    with pytest.raises(InputError, match="at least 16 x 8"):
        descriptors.build(descriptors.Params(), shape, 5)
