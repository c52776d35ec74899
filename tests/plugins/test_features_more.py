"""The features beside log_mel, each against librosa."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import librosa
import numpy as np
import pytest
import torch

from genrelab import InputError

RATE = 22_050


@cache
def signal(kind: str) -> np.ndarray:
    """Two seconds: silence, noise, or notes that decay with a drum under them."""
    rng = np.random.default_rng(0)
    t = np.arange(2 * RATE) / RATE
    noise = rng.standard_normal(len(t))
    notes = sum(np.sin(2 * np.pi * hz * t) * np.exp(-4 * (t % 0.5)) for hz in (110, 277.2, 440, 1318.5))
    beat = noise * np.exp(-40 * (t % 0.25))
    made = {"music": 0.2 * notes + 0.1 * beat + 1e-3 * noise, "noise": 0.1 * noise, "silence": 0 * t}
    return made[kind].astype(np.float32)


def built(name: str, **chosen) -> torch.nn.Module:
    plugin = import_module(f"genrelab_plugins.features.{name}")
    return plugin.build(plugin.Params(**chosen), RATE).eval()


@torch.inference_mode()
def computed(name: str, y: np.ndarray, **chosen) -> np.ndarray:
    return built(name, **chosen)(torch.from_numpy(y)[None])[0].numpy()


KINDS = pytest.mark.parametrize("kind", ["music", "noise", "silence"])


@KINDS
@pytest.mark.parametrize(
    ("chosen", "same"),
    [
        ({}, {}),
        (
            {"n_mfcc": 13, "n_mels": 40, "n_fft": 1024, "hop_length": 300},
            {"n_mfcc": 13, "n_mels": 40, "n_fft": 1024},
        ),
        ({"f_min": 50.0, "f_max": 8000.0}, {"fmin": 50.0, "fmax": 8000.0}),
    ],
    ids=str,
)
def test_mfcc_equals_librosa(kind, chosen, same):
    y = signal(kind)
    expected = librosa.feature.mfcc(y=y, sr=RATE, hop_length=chosen.get("hop_length", 512), **same)
    np.testing.assert_allclose(computed("mfcc", y, **chosen), expected, atol=5e-3)


@pytest.mark.parametrize("width", [3, 9, 25])
@pytest.mark.parametrize("orders", [1, 2])
@pytest.mark.parametrize("name", ["mfcc", "log_mel_deltas"])
def test_deltas_equal_librosa(name, orders, width):
    y = signal("music")
    found = computed(name, y, deltas=orders, width=width)
    plain = computed("mfcc", y) if name == "mfcc" else computed("log_mel", y)
    slopes = [librosa.feature.delta(plain, width=width, order=order) for order in range(1, orders + 1)]
    np.testing.assert_allclose(found, np.vstack([plain, *slopes]), atol=1e-3)


@pytest.mark.parametrize(("frames", "width"), [(8, 7), (7, 7), (4, 3), (3, 3)])
def test_deltas_of_a_short_clip_use_the_widest_window_that_fits(frames, width):
    y = signal("music")[: 512 * (frames - 1)]
    found = computed("mfcc", y, deltas=2)
    expected = librosa.feature.delta(found[:20], width=width, order=2)
    np.testing.assert_allclose(found[40:], expected, atol=1e-3)


@pytest.mark.parametrize("samples", [1, 512])
def test_deltas_of_one_or_two_frames_are_zero(samples):
    assert not computed("mfcc", signal("music")[:samples], deltas=2)[20:].any()


def test_more_coefficients_than_bands_are_an_error():
    with pytest.raises(InputError, match="41 coefficients of 40 bands"):
        built("mfcc", n_mfcc=41, n_mels=40)


def pcen_of_librosa(y: np.ndarray, hop_length: int = 512, n_mels: int = 128, **chosen) -> np.ndarray:
    bands = librosa.feature.melspectrogram(y=y, sr=RATE, power=1, hop_length=hop_length, n_mels=n_mels) * 2**31
    frames = chosen.get("time_constant", 0.4) * RATE / hop_length
    b = (np.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)
    start = (1 - b) * bands[:, :1]  # librosa's own start is a level of 1, whatever the clip
    return librosa.pcen(bands, sr=RATE, hop_length=hop_length, zi=start, **chosen)


@KINDS
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"gain": 0.8, "bias": 10.0, "power": 0.25},
        {"time_constant": 0.06},
        {"time_constant": 2.0, "hop_length": 300, "n_mels": 64},
    ],
    ids=str,
)
def test_pcen_equals_librosa(kind, chosen):
    y = signal(kind)
    np.testing.assert_allclose(computed("pcen", y, **chosen), pcen_of_librosa(y, **chosen), rtol=1e-4, atol=1e-4)


def test_pcen_of_quiet_after_loud_is_right():
    y = np.concatenate([signal("noise"), 1e-5 * signal("noise"), 0 * signal("noise")])
    np.testing.assert_allclose(computed("pcen", y), pcen_of_librosa(y), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("gain", [0.8, 1.0])
@pytest.mark.parametrize("bias", [0.1, 20.0])
@pytest.mark.parametrize("power", [0.05, 1.0])
@pytest.mark.parametrize("time_constant", [0.02, 2.0])
def test_pcen_fits_float16_at_all_ends_of_its_ranges(gain, bias, power, time_constant):
    y = np.sign(signal("noise")) * (np.arange(2 * RATE) > RATE)  # nothing, then full scale
    found = computed("pcen", y, gain=gain, bias=bias, power=power, time_constant=time_constant, hop_length=64)
    assert np.isfinite(found.astype(np.float16)).all()


def test_pcen_takes_level_out():
    y = signal("noise")
    loud, quiet = computed("pcen", y, gain=1.0), computed("pcen", 0.1 * y, gain=1.0)
    np.testing.assert_allclose(loud, quiet, rtol=1e-4)


@KINDS
@pytest.mark.parametrize(
    "chosen", [{}, {"n_chroma": 24, "n_fft": 4096}, {"n_chroma": 36, "hop_length": 300}], ids=str
)
def test_chroma_equals_librosa(kind, chosen):
    y = signal(kind)
    expected = librosa.feature.chroma_stft(y=y, sr=RATE, tuning=0, **chosen)
    np.testing.assert_allclose(computed("chroma", y, **chosen), expected, atol=1e-4)


def test_chroma_starts_with_c():
    y = np.sin(2 * np.pi * 261.63 * np.arange(RATE) / RATE).astype(np.float32)
    assert computed("chroma", y).mean(1).argmax() == 0


@KINDS
@pytest.mark.parametrize("chosen", [{}, {"n_bands": 4, "n_fft": 1024}, {"f_min": 300.0, "n_bands": 5}], ids=str)
def test_spectral_stack_equals_librosa(kind, chosen):
    y = signal(kind)
    chroma = librosa.feature.chroma_stft(y=y, sr=RATE, tuning=0, n_fft=chosen.get("n_fft", 2048))
    names = {"f_min": "fmin"}
    contrast = librosa.feature.spectral_contrast(y=y, sr=RATE, **{names.get(k, k): v for k, v in chosen.items()})
    expected = np.vstack([chroma, contrast, librosa.feature.tonnetz(chroma=chroma)])
    np.testing.assert_allclose(computed("spectral_stack", y, **chosen), expected, atol=2e-2)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"n_bands": 8}, "band 8 would begin at 25600 Hz, not below half the sample rate, 11025 Hz"),
        ({"f_min": 20.0, "n_fft": 1024}, "holds too few FFT bins: raise n_fft or f_min"),
    ],
)
def test_bands_of_the_contrast_that_do_not_fit_are_an_error(chosen, message):
    with pytest.raises(InputError, match=message):
        built("spectral_stack", **chosen)


def magnitudes(y: np.ndarray, **chosen) -> np.ndarray:
    """Return the transform as shares of its maximum."""
    return 10 ** (computed("cqt", y, **chosen) / 20)


def librosas(y: np.ndarray, **chosen) -> np.ndarray:
    found = np.abs(librosa.vqt(y, sr=RATE, sparsity=0, **{"gamma": 0} | chosen))
    return found / found.max()


@pytest.mark.parametrize("kind", ["music", "noise"])
@pytest.mark.parametrize("gamma", [0.0, 20.0])
@pytest.mark.parametrize("per_octave", [12, 24])
def test_cqt_equals_librosa_where_that_does_not_resample(kind, gamma, per_octave):
    # An odd hop keeps librosa at the full rate. What is left: its windows have a whole number of samples.
    y = signal(kind)
    found = magnitudes(y, hop_length=511, gamma=gamma, bins_per_octave=per_octave)
    expected = librosas(y, hop_length=511, gamma=gamma, bins_per_octave=per_octave, n_bins=7 * per_octave)
    np.testing.assert_allclose(found, expected, atol=0.02)


@pytest.mark.parametrize("chosen", [{}, {"f_min": 65.406, "n_octaves": 5}], ids=str)
def test_cqt_is_near_librosa_where_that_resamples(chosen):
    y = signal("music")
    same = {"fmin": 65.406, "n_bins": 60} if chosen else {}
    np.testing.assert_allclose(magnitudes(y, **chosen), librosas(y, **same), atol=0.03)


@pytest.mark.parametrize("semitone", [3, 30, 60, 83])
def test_cqt_of_a_tone_is_in_its_bin_and_0_db(semitone):
    hz = 32.703 * 2 ** (semitone / 12)
    y = 0.5 * np.sin(2 * np.pi * hz * np.arange(4 * RATE) / RATE).astype(np.float32)
    found = computed("cqt", y)
    middle = found[:, found.shape[1] // 2]
    assert middle.argmax() == semitone
    assert middle.max() > -0.5
    assert middle[np.abs(np.arange(84) - semitone) > 3].max() < -30


def test_an_octave_above_half_the_sample_rate_is_an_error():
    with pytest.raises(
        InputError, match=r"9 octaves from 32\.703 Hz reach .* above half the sample rate, 11025 Hz"
    ):
        built("cqt", n_octaves=9)
