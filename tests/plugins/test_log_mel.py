"""The log-mel spectrogram against librosa."""

from __future__ import annotations

import attrs
import librosa
import numpy as np
import pytest
import torch

from genrelab import InputError
from genrelab_plugins.features._mel import BandedProduct, mel_bank
from genrelab_plugins.features.log_mel import Params, build, provide_features

RATE = 22_050


def signal(kind: str, seconds: float = 3.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    noise = rng.standard_normal(len(t))
    notes = sum(np.sin(2 * np.pi * hz * t) * np.exp(-4 * (t % 0.5)) for hz in (110, 277.2, 440, 1318.5))
    beat = noise * np.exp(-40 * (t % 0.25))
    made = {"music": 0.2 * notes + 0.1 * beat + 1e-3 * noise, "noise": 0.1 * noise, "silence": 0 * t}
    return made[kind].astype(np.float32)


def spectrogram(params: Params, *clips: np.ndarray, rate: int = RATE) -> np.ndarray:
    with torch.inference_mode():
        return build(params, rate).eval()(torch.from_numpy(np.stack(clips))).numpy()


@pytest.mark.parametrize("kind", ["music", "noise", "silence"])
def test_equals_librosa_at_the_settings_of_the_reference_study(kind):
    y = signal(kind, 30.0)
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=RATE), ref=np.max, top_db=80)
    [found] = spectrogram(Params(), y)
    assert found.shape == (128, 1292)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"n_fft": 1024, "hop_length": 300, "n_mels": 64},
        {"n_fft": 4096, "hop_length": 1024, "n_mels": 37},
        {"f_min": 50.0, "f_max": 8_000.0},
        {"mel_scale": "htk"},
        {"norm": "none"},
        {"mel_scale": "htk", "norm": "none", "n_mels": 40},
        {"power": 1.0},
        {"ref": "one"},
        {"ref": "one", "top_db": 30.0},
        {"power": 1.0, "ref": "one"},
    ],
    ids=str,
)
def test_equals_librosa_at_other_settings(changes):
    params = attrs.evolve(Params(), **changes)
    y = signal("music")
    mel = librosa.feature.melspectrogram(
        y=y,
        sr=RATE,
        n_fft=params.n_fft,
        hop_length=params.hop_length,
        n_mels=params.n_mels,
        fmin=params.f_min,
        fmax=params.f_max or None,
        power=params.power,
        htk=params.mel_scale == "htk",
        norm="slaney" if params.norm == "slaney" else None,
    )
    to_db = librosa.power_to_db if params.power == 2 else librosa.amplitude_to_db
    expected = to_db(mel, ref=np.max if params.ref == "max" else 1.0, top_db=params.top_db)
    np.testing.assert_allclose(spectrogram(params, y)[0], expected, atol=1e-3)


@pytest.mark.parametrize("ref", ["max", "one"])
def test_a_batch_equals_its_clips_alone(ref):
    clips = [signal("music"), signal("noise"), signal("silence")]
    params = Params(ref=ref)
    alone = np.concatenate([spectrogram(params, clip) for clip in clips])
    np.testing.assert_allclose(spectrogram(params, *clips), alone, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 511, 512, 1023, 2049])
def test_a_clip_shorter_than_the_window_has_its_frames(samples):
    y = signal("noise")[:samples]
    assert spectrogram(Params(), y).shape == (1, 128, 1 + samples // 512)


@pytest.mark.parametrize("bands", [1, 15, 16, 17, 128])
def test_the_banded_product_is_the_product(bands):
    bank = mel_bank(RATE, 2048, bands, 0.0, 0.0, "slaney", "slaney")
    x = torch.rand(2, 5, 1025)
    torch.testing.assert_close(BandedProduct(bank)(x), x @ bank)


def test_bands_that_hold_no_fft_bin_are_an_error():
    with pytest.raises(InputError, match="20 of 128 bands hold no FFT bin at n_fft 256"):
        build(Params(n_fft=256), RATE)


@pytest.mark.parametrize(("f_min", "f_max"), [(0.0, 12_000.0), (5_000.0, 400.0), (11_025.0, 0.0)])
def test_band_edges_that_do_not_fit_are_an_error(f_min, f_max):
    with pytest.raises(InputError, match="11025 Hz, half the sample rate"):
        build(Params(f_min=f_min, f_max=f_max), RATE)


def test_nothing_of_it_is_learned_or_saved():
    module = build(Params(), RATE)
    assert not list(module.parameters())
    assert not module.state_dict()


def test_the_plugin_provides_it():
    assert [(f.name, f.params) for f in provide_features()] == [("log_mel", Params)]
