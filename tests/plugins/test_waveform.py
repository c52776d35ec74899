"""The waveform as a feature."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import soundfile
import torch

from genrelab.config.experiment import NORMALIZATIONS, Audio
from genrelab.data.audio import read_mono
from genrelab.data.extract import extract
from genrelab_plugins.features.waveform import Params, build

RATE = 8_000


def stored(tmp_path, normalization: str) -> np.ndarray:
    x = 0.5 * np.random.default_rng(0).uniform(-1, 1, RATE)
    soundfile.write(tmp_path / "a.wav", x, RATE)
    found = extract(
        [tmp_path / "a.wav"],
        directory=tmp_path / "store",
        key={"name": "waveform"},
        make_feature=partial(build, Params(), RATE),
        audio=Audio(sample_rate=RATE, seconds=1.0),
        normalization=normalization,
        workers=1,
    )
    return found.store.gather(found.rows)


def test_it_is_the_waveform_with_one_bin():
    x = torch.randn(3, 500)
    torch.testing.assert_close(build(Params(), RATE)(x), x[:, None], rtol=0, atol=0)


def test_what_is_stored_is_the_waveform_to_eleven_bits(tmp_path):
    clip = stored(tmp_path, "none")
    assert clip.shape == (1, 1, RATE)
    x = read_mono(tmp_path / "a.wav", RATE)
    assert np.abs(clip[0, 0] - x).max() <= 2**-12 * np.abs(x).max() * 2


@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_every_normalization_keeps_the_shape_of_the_wave(tmp_path, kind):
    clip = stored(tmp_path, kind)[0, 0].astype(np.float64)
    x = read_mono(tmp_path / "a.wav", RATE).astype(np.float64)
    assert np.corrcoef(clip, x)[0, 1] == pytest.approx(1, abs=1e-5)
    expected = {"minmax": (0, 1), "clip": (-1.75, 1.75), "band": (-1.75, 1.75)}.get(kind, (-0.5, 0.5))
    assert (clip.min(), clip.max()) == pytest.approx(expected, abs=0.03)
