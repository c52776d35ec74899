"""Calibration against definitions and worlds whose temperature is known."""

import numpy as np
import pytest
from scipy.special import softmax

from genrelab.compare.calibration import (
    BINS,
    expected_calibration_error,
    fit_temperature,
    reliability,
    with_temperature,
)


def world(tracks=20000, classes=5, temperature=1.0):
    """Draw true genres from probabilities, and return these as a network of another temperature gives them."""
    rng = np.random.default_rng(0)
    honest = softmax(2 * rng.standard_normal((tracks, classes)), axis=1)
    true = (honest.cumsum(axis=1) > rng.random((tracks, 1))).argmax(axis=1)
    return with_temperature(honest, 1 / temperature), true


def test_honest_probabilities_have_next_to_no_error():
    assert expected_calibration_error(reliability(*world())) < 0.015


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_temperature_of_a_network_is_found_and_undone(temperature):
    p, true = world(temperature=temperature)
    found = fit_temperature(p, true)
    assert found == pytest.approx(temperature, rel=0.05)
    before, after = (expected_calibration_error(reliability(q, true)) for q in (p, with_temperature(p, found)))
    assert after < 0.015 < 0.08 < before


def test_the_diagram_counts_each_track_in_the_bin_of_its_confidence():
    p = np.array([[1.0, 0.0], [1 / 15 * 10, 1 - 1 / 15 * 10], [0.55, 0.45], [0.54, 0.46]])
    diagram = reliability(p, np.array([0, 0, 0, 1]))
    assert sum(diagram["tracks"]) == 4
    assert (diagram["tracks"][BINS - 1], diagram["tracks"][9], diagram["tracks"][8]) == (1, 1, 2)
    assert diagram["confidence"][8] == pytest.approx(0.545)
    assert diagram["accuracy"][8] == 0.5
    assert expected_calibration_error(diagram) == pytest.approx((0 + 1 / 3 + 2 * 0.045) / 4)
