"""Augmentations of waveforms do what they say, measured by what others have written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
import torch
import torchaudio.functional
from torch import Tensor

from genrelab import Augmentation, InputError
from genrelab.plugins.registry import Registry
from genrelab_plugins.augmentations import _codec, _filters, _noise, _tempo
from tests.conftest import ROOT

RATE = 8_000
T = torch.arange(2 * RATE) / RATE
registry = Registry.discover(start=ROOT)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def augmented(name: str, x: Tensor, rate: int = RATE, **params: Any) -> Tensor:
    found: Augmentation = registry.get("augmentation", name)
    y: Tensor = found.make(found.params(**params), rate).train()(x)
    return y


def tone(frequency: float, clips: int = 1) -> Tensor:
    return (0.4 * torch.sin(2 * torch.pi * frequency * T)).repeat(clips, 1)


def peak_frequency(x: Tensor) -> Tensor:
    """Return the frequency of the highest peak of each waveform, to 0.1 Hz."""
    spectrum = torch.fft.rfft(x * torch.hann_window(x.shape[1]), 10 * RATE).abs()
    return spectrum.argmax(1) / 10


def decibels(of: Tensor, to: Tensor) -> Tensor:
    return 10 * (of.square().mean(-1) / to.square().mean(-1)).log10()


def onset(x: Tensor) -> float:
    """Return where the power of a waveform first reaches a quarter of what it comes to, in seconds."""
    power = x.square().unfold(0, 200, 20).mean(1)
    return float((power > power.quantile(0.95) / 4).nonzero()[0]) * 20 / RATE


class TestLevels:
    def test_gain_covers_its_range_and_changes_nothing_else(self) -> None:
        x = torch.randn(400, 500)
        y = augmented("gain", x, low_db=-12.0, high_db=6.0)
        db = decibels(y, x)
        assert (db.min().item(), db.max().item()) == pytest.approx((-12, 6), abs=0.3)
        torch.testing.assert_close(y / x, (10 ** (db / 20))[:, None].expand_as(x), rtol=1e-4, atol=0)

    def test_polarity_turns_half_of_the_clips_upside_down(self) -> None:
        x = torch.randn(400, 50)
        y = augmented("polarity", x)
        turned = torch.tensor([torch.equal(a, -b) for a, b in zip(y, x, strict=True)])
        assert torch.equal(y[~turned], x[~turned])
        assert 150 < turned.sum() < 250

    def test_distortion_is_tanh_at_the_same_level(self) -> None:
        x = tone(200) * 0.3
        y = augmented("distortion", x, low_db=20.0, high_db=20.0)
        driven = np.tanh(10 * x[0].numpy() / np.abs(x[0].numpy()).max())
        np.testing.assert_allclose(
            y[0], driven * np.sqrt(np.mean(x[0].numpy() ** 2) / np.mean(driven**2)), atol=1e-5
        )
        spectrum = torch.fft.rfft(y[0]).abs()
        assert spectrum[2 * 600] > 0.1 * spectrum[2 * 200]  # the third harmonic
        assert spectrum[2 * 400] < 1e-3 * spectrum[2 * 200]  # no second: tanh is odd

    def test_little_drive_distorts_little(self) -> None:
        x = torch.randn(4, 2000)
        torch.testing.assert_close(augmented("distortion", x, low_db=-20.0, high_db=-20.0), x, rtol=0.01, atol=0.02)


class TestNoise:
    @pytest.mark.parametrize(("name", "low", "high"), [("gaussian_noise", 5, 40), ("background_noise", 3, 30)])
    def test_the_signal_is_so_many_decibels_above_the_noise(self, name: str, low: float, high: float) -> None:
        x = tone(440, 200) * torch.logspace(-2, 0, 200)[:, None]
        y = augmented(name, x, low_snr=float(low), high_snr=float(high))
        snr = decibels(x, y - x)
        assert (snr.min().item(), snr.max().item()) == pytest.approx((low, high), abs=0.6)

    def test_it_is_mixed_as_torchaudio_does(self) -> None:
        x, noise, snr = torch.randn(5, 900), torch.randn(5, 900), torch.tensor([-5.0, 0, 7, 20, 60])
        expected = torchaudio.functional.add_noise(x, noise, snr)
        torch.testing.assert_close(_noise.mixed(x, noise, snr[:, None]), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(("color", "slope"), [("white", 0), ("pink", -3.01), ("brown", -6.02)])
    def test_a_colour_falls_by_so_many_decibels_an_octave(self, color: str, slope: float) -> None:
        x = tone(1)
        noise = augmented("background_noise", x, color=color, low_snr=0.0, high_snr=0.0) - x
        frequency, power = scipy.signal.welch(noise[0].double().numpy(), RATE, nperseg=1024)
        used = (frequency > 50) & (frequency < 3500)
        fitted = np.polyfit(np.log2(frequency[used]), 10 * np.log10(power[used]), 1)
        assert fitted[0] == pytest.approx(slope, abs=0.35)

    def test_noise_from_a_folder_is_a_part_of_its_recordings(self, tmp_path: Path) -> None:
        (tmp_path / "deep/er").mkdir(parents=True)
        parts = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3 * RATE)).astype(np.float32)
        for name, part in zip(("a.wav", "deep/er/b.wav"), parts, strict=True):
            soundfile.write(tmp_path / name, part, RATE, "FLOAT")
        x = tone(440, 4)
        noise = augmented("background_noise", x, folder=str(tmp_path), low_snr=10.0, high_snr=10.0) - x
        bank = np.concatenate(parts)
        places = []
        for heard in noise.numpy():
            around = np.concatenate([bank, bank[: len(heard)]])
            match = scipy.signal.correlate(around, heard, "valid")
            start = int(match.argmax())
            assert np.corrcoef(around[start : start + len(heard)], heard)[0, 1] > 0.9999
            places.append(start)
        assert len(set(places)) == 4

    def test_no_more_of_a_folder_is_read_than_is_wanted(self, tmp_path: Path) -> None:
        for name in "abc":
            soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(0).uniform(-1, 1, RATE), RATE)
        assert len(_noise.read_bank(str(tmp_path), RATE, 1.5)) == 1.5 * RATE

    def test_a_folder_that_cannot_be_used_is_named(self, tmp_path: Path) -> None:
        x = tone(440)
        with pytest.raises(InputError, match="nowhere is not a folder"):
            augmented("background_noise", x, folder=str(tmp_path / "nowhere"))
        with pytest.raises(InputError, match="no files in"):
            augmented("background_noise", x, folder=str(tmp_path))
        (tmp_path / "x.wav").write_text("no audio")
        with pytest.raises(InputError, match=r"x\.wav: cannot be decoded.*; take it out of the folder"):
            augmented("background_noise", x, folder=str(tmp_path))


class TestTempo:
    def test_speed_moves_pitch_and_time_by_the_same_factor(self) -> None:
        x = tone(500, 60)
        x[:, : RATE // 2] = 0
        y = augmented("speed", x)
        factors = peak_frequency(y) / 500
        assert (factors.min().item(), factors.max().item()) == pytest.approx((0.8, 1.2), abs=0.03)
        for clip, factor in zip(y[:8], factors, strict=False):
            assert onset(clip) == pytest.approx(0.5 / factor.item(), abs=0.02)

    @pytest.mark.parametrize("percent", [80, 97, 100, 125])
    def test_resampling_is_that_of_soxr(self, percent: int) -> None:
        x = torch.from_numpy(
            scipy.signal.lfilter(*scipy.signal.butter(6, 0.5), np.random.default_rng(0).standard_normal(4000))
        )
        [y] = _tempo.resampled(x[None], torch.tensor([percent]), 3000)
        expected = librosa.resample(x.numpy(), orig_sr=percent, target_sr=100, res_type="soxr_vhq")[:3000]
        error = np.abs(y.numpy() - expected)[50:-50].max()
        assert error < 0.01 * np.abs(expected).max()

    def test_what_would_lie_above_the_highest_frequency_is_gone_not_folded(self) -> None:
        [y] = _tempo.resampled(tone(3800), torch.tensor([125]), RATE)
        assert decibels(y[100:-100], tone(3800)[0]) < -40

    @pytest.mark.parametrize("rate", [0.81, 1.0, 1.23])
    def test_the_phase_vocoder_is_that_of_torchaudio(self, rate: float) -> None:
        x = torch.stft(
            torch.randn(2, 6000, dtype=torch.float64),
            512,
            128,
            window=torch.hann_window(512).double(),
            return_complex=True,
        )
        advance = torch.linspace(0, math.pi * 128, 257, dtype=torch.float64)[:, None]
        expected = torchaudio.functional.phase_vocoder(x, rate, advance)
        frames = int((x.shape[2] - 1) / rate)
        found = _tempo.vocoded(x, torch.full((2,), rate, dtype=torch.float64), frames)
        torch.testing.assert_close(found, expected[:, :, :frames], rtol=1e-6, atol=1e-6)

    def test_each_clip_has_its_own_rate(self) -> None:
        x = torch.stft(torch.randn(3, 3000), 256, 64, window=torch.hann_window(256), return_complex=True)
        rates = torch.tensor([0.8, 1.0, 1.3])
        together = _tempo.vocoded(x, rates, 40)
        alone = [_tempo.vocoded(x[i : i + 1], rates[i : i + 1], 40) for i in range(3)]
        torch.testing.assert_close(together, torch.cat(alone))

    def test_time_stretch_moves_time_and_not_pitch(self) -> None:
        x = tone(500, 30)
        x[:, : RATE // 2] = 0
        y = augmented("time_stretch", x)
        torch.testing.assert_close(peak_frequency(y), torch.full((30,), 500.0), atol=2.0, rtol=0)
        onsets = [onset(clip) for clip in y]
        assert (min(onsets), max(onsets)) == pytest.approx((0.5 / 1.2, 0.5 / 0.8), abs=0.04)

    def test_pitch_shift_moves_pitch_and_not_time(self) -> None:
        x = tone(500, 60)
        x[:, : RATE // 2] = 0
        y = augmented("pitch_shift", x, semitones=3.0)
        semitones = 12 * (peak_frequency(y) / 500).log2()
        assert (semitones.min().item(), semitones.max().item()) == pytest.approx((-3, 3), abs=0.3)
        assert [onset(clip) for clip in y] == pytest.approx([0.5] * 60, abs=0.05)

    @pytest.mark.parametrize("name", ["time_stretch", "pitch_shift"])
    def test_the_level_stays(self, name: str) -> None:
        x = augmented("low_pass", torch.randn(12, 2 * RATE), low=1000.0, high=1000.0, order=8)
        torch.testing.assert_close(decibels(augmented(name, x), x), torch.zeros(12), atol=0.4, rtol=0)

    def test_what_is_over_begins_again(self) -> None:
        x = torch.arange(10.0)[None]
        assert _tempo.fitted(x, 25)[0].tolist() == [*range(10), *range(10), *range(5)]
        assert _tempo.fitted(x, 4)[0].tolist() == [0, 1, 2, 3]


class TestFilters:
    @pytest.mark.parametrize("order", [1, 2, 5])
    @pytest.mark.parametrize("kind", ["low", "high"])
    def test_the_response_is_that_of_a_butterworth_filter(self, kind: str, order: int) -> None:
        impulse = torch.zeros(2, RATE).index_fill(1, torch.tensor([RATE // 2]), 1.0).double()
        cutoffs = torch.tensor([[300.0], [1500.0]]).double()
        y = _filters.filtered(impulse, RATE, cutoffs, order if kind == "low" else -order)
        assert torch.equal(y.abs().argmax(1), torch.tensor([RATE // 2] * 2))  # no delay
        frequency = np.fft.rfftfreq(RATE, 1 / RATE)[1:]
        for clip, cutoff in zip(y, cutoffs[:, 0].tolist(), strict=True):
            b, a = scipy.signal.butter(order, cutoff, kind, analog=True)
            _, expected = scipy.signal.freqs(b, a, frequency)
            np.testing.assert_allclose(np.abs(np.fft.rfft(clip))[1:], np.abs(expected), atol=3e-3)

    @pytest.mark.parametrize("name", ["low_pass", "high_pass"])
    def test_cutoffs_are_drawn_evenly_in_octaves(self, name: str) -> None:
        x = torch.zeros(300, 4096).index_fill(1, torch.tensor([2048]), 1.0)
        response = torch.fft.rfft(augmented(name, x, low=250.0, high=1000.0)).abs()
        down = (response - 2**-0.5).abs().argmin(1) * RATE / 4096  # where it is 3 dB down
        octaves = (down / 250).log2()
        assert (octaves.min().item(), octaves.max().item()) == pytest.approx((0, 2), abs=0.05)
        assert octaves.mean().item() == pytest.approx(1, abs=0.1)


class TestReverb:
    @pytest.mark.parametrize("seconds", [0.3, 1.0])
    def test_a_room_dies_away_in_the_time_that_was_asked_for(self, seconds: float) -> None:
        response = _filters.room(torch.zeros(20, 1), RATE, torch.full((20, 1), seconds), 1.5)
        energy = response.square().flip(1).cumsum(1).flip(1)  # Schroeder's backward integral
        db = 10 * (energy / energy[:, :1]).log10()
        reach = [int((curve < -30).nonzero()[0]) / RATE for curve in db]
        assert np.mean(reach) * 2 == pytest.approx(seconds, rel=0.05)
        torch.testing.assert_close(response.square().sum(1), torch.ones(20))

    def test_the_convolution_is_that_of_scipy(self) -> None:
        x, response = torch.randn(3, 777), torch.randn(3, 200)
        expected = scipy.signal.fftconvolve(x.numpy(), response.numpy(), axes=1)[:, :777]
        np.testing.assert_allclose(_filters.convolved(x, response), expected, atol=1e-4)

    def test_direct_sound_is_so_many_decibels_above_the_room_and_the_level_stays(self) -> None:
        x = torch.zeros(100, RATE).index_fill(1, torch.tensor([10]), 1.0)
        y = augmented("reverb", x, longest=0.3, low_ratio=5.0, high_ratio=15.0)
        rest = y.index_fill(1, torch.tensor([10]), 0.0)
        ratio = 10 * (y[:, 10].square() / rest.square().sum(1)).log10()
        assert (ratio.min().item(), ratio.max().item()) == pytest.approx((5, 15), abs=0.3)
        torch.testing.assert_close(decibels(y, x), torch.zeros(100), atol=1e-3, rtol=0)


class TestCodec:
    @pytest.mark.parametrize("kind", ["mp3", "vorbis"])
    @pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
    def test_a_decoded_clip_is_not_shifted_and_better_where_the_quality_is(self, kind: str, rate: int) -> None:
        sweep = torch.from_numpy(scipy.signal.chirp(np.arange(rate) / rate, 100, 1, 0.3 * rate)).float() * 0.5
        found = [_codec.encoded(sweep, rate, kind, quality) for quality in (0.0, 0.5, 1.0)]
        inner = slice(rate // 10, -rate // 10)
        for decoded in found:
            match = scipy.signal.correlate(sweep[inner].numpy(), decoded[inner].numpy())
            assert match.argmax() == len(sweep[inner]) - 1
        errors = [decibels((y - sweep)[inner], sweep[inner]).item() for y in found]
        assert errors[2] < errors[0] - 5
        assert errors[2] < -15

    def test_mp3_at_an_odd_sample_rate_is_refused_and_vorbis_is_not(self) -> None:
        x = tone(440)
        with pytest.raises(InputError, match="not 10000; use format = 'vorbis'"):
            augmented("codec", x, rate=10_000)
        assert augmented("codec", x, rate=10_000, format="vorbis").shape == x.shape
