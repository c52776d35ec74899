"""Whether probabilities mean what they say."""

from __future__ import annotations

from math import exp, log
from typing import TypedDict

import numpy as np
from scipy import optimize, special

from genrelab.compare.metrics import Floats, Indices

BINS = 15
_COLDEST, _HOTTEST = 0.05, 20.0  # temperatures


class Reliability(TypedDict):
    """A reliability diagram: tracks by the probability of the genre predicted, in 15 bins of equal width."""

    tracks: list[int]
    confidence: list[float]
    """Mean probability of the genre predicted; 0 in an empty bin."""
    accuracy: list[float]
    """Share of right predictions; 0 in an empty bin."""


def reliability(probabilities: Floats, true: Indices) -> Reliability:
    """Return the reliability diagram of probabilities (tracks, C) given the true genres (tracks,)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    tracks = np.bincount(bins, minlength=BINS)
    confidences, rights = (np.bincount(bins, v, BINS) / np.maximum(tracks, 1) for v in (confidence, right))
    return Reliability(tracks=tracks.tolist(), confidence=confidences.tolist(), accuracy=rights.tolist())


def expected_calibration_error(diagram: Reliability) -> float:
    """Mean gap between confidence and accuracy, weighted by tracks, in 0..1 (Guo et al., ICML 2017)."""
    tracks = np.array(diagram["tracks"])
    gaps = np.abs(np.array(diagram["confidence"]) - diagram["accuracy"])
    return float(tracks @ gaps / tracks.sum())


def fit_temperature(probabilities: Floats, true: Indices) -> float:
    """Return the temperature, in 0.05..20, that minimises the log loss (Guo et al., ICML 2017).

    Args:
        probabilities: (tracks, C) on validation, never on test.
        true: (tracks,) genre indices.
    """
    logs, rows = np.log(probabilities), np.arange(len(true))

    def loss(log_t: float) -> float:
        return -float(special.log_softmax(logs / exp(log_t), axis=1)[rows, true].mean())

    found = optimize.minimize_scalar(loss, bounds=(log(_COLDEST), log(_HOTTEST)), method="bounded")
    return exp(float(found.x))


def with_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Return probabilities (..., C) as they are at another temperature."""
    tempered: Floats = special.softmax(np.log(probabilities) / temperature, axis=-1)
    return tempered
