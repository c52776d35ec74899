"""From files to waveforms: what is read, and the reasons why not."""

from __future__ import annotations

import contextlib
import pickle
import struct
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from genrelab.config.experiment import PADS, Audio
from genrelab.data.audio import SILENCE, BadAudio, Excerpt, fit_length, read_clip, read_mono


def tone(rate: int, seconds: float = 1.0, channels: int = 1, hz: float = 440.0) -> np.ndarray:
    t = np.arange(round(rate * seconds)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * hz * (c + 1) * t) for c in range(channels)], 1).astype(np.float32)


def write(path: Path, x: np.ndarray, rate: int, subtype: str | None = "FLOAT") -> Path:
    soundfile.write(path, x, rate, subtype=subtype)
    return path


def reason(excerpt: Path | Excerpt, seconds: float | None = None) -> str:
    with pytest.raises(BadAudio) as caught:
        read_mono(excerpt, 22_050, seconds)
    assert str(getattr(excerpt, "path", excerpt)) in str(caught.value)
    assert caught.value.message
    return caught.value.reason


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of modules that librosa.load imports
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_equals_librosa_load(tmp_path, rate, channels):
    path = write(tmp_path / "a.wav", tone(rate, channels=channels), rate)
    expected, _ = librosa.load(path, sr=22_050, mono=True, res_type="soxr_hq")
    found = read_mono(path, 22_050)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[: len(found)], atol=2e-6)
    assert abs(len(found) - len(expected)) <= 1


@pytest.mark.parametrize("extension", ["flac", "mp3", "ogg", "aiff"])
def test_reads_the_formats_people_have(tmp_path, extension):
    path = write(tmp_path / f"a.{extension}", tone(44_100, 2), 44_100, subtype=None)
    spectrum = np.abs(np.fft.rfft(read_mono(path, 22_050, 1.0)))
    assert spectrum.argmax() == 440  # bins are 1 Hz apart


def test_a_part_equals_the_beginning_of_the_whole(tmp_path):
    rng = np.random.default_rng(0)
    path = write(tmp_path / "a.wav", (0.1 * rng.standard_normal((5 * 44_100, 2))).astype(np.float32), 44_100)
    part = read_mono(path, 22_050, 2.0)
    assert part.shape == (44_100,)
    np.testing.assert_allclose(part, read_mono(path, 22_050)[:44_100], atol=1e-5)


def test_decodes_only_what_is_wanted(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", tone(22_050, 20), 22_050)
    frames = []
    read = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, n, **more: frames.append(n) or read(self, n, **more)
    )
    read_mono(path, 22_050, 1.0)
    assert sum(frames) < 2 * 22_050


def test_blocks_join_without_a_seam(tmp_path, monkeypatch):
    path = write(tmp_path / "a.wav", tone(22_050, 1, channels=2), 22_050)
    whole = read_mono(path, 22_050)
    monkeypatch.setattr("genrelab.data.audio._BLOCK", 1_000)
    np.testing.assert_array_equal(read_mono(path, 22_050), whole)


def test_a_missing_file_or_a_folder_is_missing(tmp_path):
    assert reason(tmp_path / "none.wav") == "missing"
    assert reason(tmp_path) == "missing"


@pytest.mark.parametrize("content", [b"not audio at all" * 100, b"RIFF", b"ID3\x04" + b"\0" * 40, b"\xff\xfb" * 9])
@pytest.mark.parametrize("extension", ["wav", "mp3", "raw", "txt", "ogg"])
def test_bytes_that_are_no_audio_are_undecodable(tmp_path, content, extension):
    path = tmp_path / f"a.{extension}"
    path.write_bytes(content)
    assert reason(path) in {"undecodable", "empty"}


@settings(max_examples=60, deadline=None)
@given(start=st.integers(0, 2_000), garbage=st.binary(min_size=1, max_size=200), keep=st.integers(0, 4_000))
def test_damage_never_raises_anything_else(tmp_path_factory, start, garbage, keep):
    path = tmp_path_factory.mktemp("damage") / "a.flac"
    soundfile.write(path, tone(8_000, 0.5), 8_000)
    raw = bytearray(path.read_bytes())
    raw[start : start + len(garbage)] = garbage
    path.write_bytes(raw[:keep] if keep % 2 else raw)
    with contextlib.suppress(BadAudio):
        assert np.isfinite(read_mono(path, 8_000, 0.5)).all()


@pytest.mark.parametrize("samples", [0, 1, 50])
def test_a_stub_is_empty(tmp_path, samples):
    assert reason(write(tmp_path / "a.wav", np.full(samples, 0.5, np.float32), 22_050)) == "empty"


def test_a_file_without_bytes_is_empty(tmp_path):
    (tmp_path / "a.mp3").touch()
    assert reason(tmp_path / "a.mp3") == "empty"


@pytest.mark.parametrize(("peak", "silent"), [(0.0, True), (0.5 * SILENCE, True), (2 * SILENCE, False)])
def test_silence_is_a_peak_under_80_db(tmp_path, peak, silent):
    x = np.tile(np.float32([peak, peak, -peak, -peak]), 5_000)
    path = write(tmp_path / "a.wav", x, 22_050)
    if silent:
        assert reason(path) == "silent"
    else:
        assert np.abs(read_mono(path, 22_050)).max() >= SILENCE


def test_silence_beyond_what_is_wanted_does_not_matter_and_music_there_does_not_help(tmp_path):
    music, silence = tone(22_050, 2), np.zeros((2 * 22_050, 1), np.float32)
    assert len(read_mono(write(tmp_path / "a.wav", np.concatenate([music, silence]), 22_050), 22_050, 2.0))
    assert reason(write(tmp_path / "b.wav", np.concatenate([silence, silence, music]), 22_050), 2.0) == "silent"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_samples_that_are_no_numbers_are_non_finite(tmp_path, bad, rate):
    x = tone(rate, channels=2)
    x[rate // 2, 1] = bad
    assert reason(write(tmp_path / "a.wav", x, rate)) == "non_finite"


def test_a_header_that_claims_an_absurd_length_costs_no_memory(tmp_path):
    path = write(tmp_path / "a.wav", tone(22_050), 22_050)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"data") + 4
    raw[at : at + 4] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(raw)
    for seconds in (None, 3_000.0):
        assert len(read_mono(path, 22_050, seconds)) <= 22_050


@pytest.mark.parametrize("rate", [1, 100, 3_000_000])
def test_a_header_that_claims_an_absurd_rate_is_undecodable(tmp_path, rate):
    assert reason(write(tmp_path / "a.wav", tone(22_050), rate)) == "undecodable"


def test_a_name_that_is_not_unicode_is_read(tmp_path):
    path = tmp_path / "caf\udce9.wav"
    write(tmp_path / "a.wav", tone(22_050), 22_050).rename(path)
    assert len(read_mono(path, 22_050)) == 22_050


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(BadAudio("a.wav", "silent", "is silent")))
    assert (error.reason, str(error)) == ("silent", "a.wav: is silent")


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_an_excerpt_is_that_part_of_the_whole(tmp_path, rate):
    rng = np.random.default_rng(0)
    path = write(tmp_path / "a.wav", (0.1 * rng.standard_normal((4 * rate, 2))).astype(np.float32), rate)
    whole = read_mono(path, 22_050)
    part = read_mono(Excerpt(str(path), 1.0, 2.0), 22_050)
    assert part.shape == (44_100,)
    inner = slice(200, -200)  # the resampler's filter sees other neighbours at the cut
    np.testing.assert_allclose(part[inner], whole[22_050:66_150][inner], atol=1e-3)
    np.testing.assert_array_equal(read_mono(Excerpt(str(path), 1.0), 22_050, 2.0), part)


def test_the_centre_is_as_far_from_both_ends(tmp_path):
    path = write(tmp_path / "a.wav", np.linspace(-0.5, 0.5, 22_050 * 5, dtype=np.float32), 22_050)
    x = read_mono(path, 22_050, 1.0, cut="centre")
    assert x.shape == (22_050,)
    assert x.mean() == pytest.approx(0, abs=1e-4)
    assert read_mono(Excerpt(str(path), 2.0, 3.0), 22_050, 1.0, cut="centre").mean() == pytest.approx(0.2, abs=1e-3)
    np.testing.assert_array_equal(read_mono(path, 22_050, 9.0, cut="centre"), read_mono(path, 22_050))


def test_segments_are_the_start_the_end_and_what_lies_evenly_between(tmp_path):
    x = np.linspace(-0.5, 0.5, 22_050 * 10, dtype=np.float32)
    path = write(tmp_path / "a.wav", x, 22_050)
    found = read_mono(path, 22_050, 3.0, cut="segments", segments=3)
    expected = np.concatenate([x[:22_050], x[99_225:121_275], x[-22_050:]])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    part = read_mono(Excerpt(str(path), 2.0, 6.0), 22_050, 2.0, cut="segments", segments=2)
    np.testing.assert_allclose(part, np.concatenate([x[44_100:66_150], x[154_350:176_400]]), atol=1e-4)


def test_audio_that_is_not_longer_is_not_divided(tmp_path):
    path = write(tmp_path / "a.wav", tone(22_050, 2.0), 22_050)
    for seconds in (2.0, 5.0):
        found = read_mono(path, 22_050, seconds, cut="segments")
        np.testing.assert_array_equal(found, read_mono(path, 22_050))


@pytest.mark.parametrize("extension", ["flac", "mp3", "ogg"])
def test_segments_of_a_compressed_file_sound_like_their_places(tmp_path, extension):
    x = np.concatenate([tone(44_100, 2, hz=hz) for hz in (300, 600, 900)])
    path = write(tmp_path / f"a.{extension}", x, 44_100, subtype=None)
    found = read_mono(path, 22_050, 3.0, cut="segments", segments=3)
    assert found.shape == (66_150,)
    assert [np.abs(np.fft.rfft(part)).argmax() for part in np.split(found, 3)] == [300, 600, 900]


@given(st.floats(0.11, 1.0), st.integers(2, 12), st.sampled_from([8_000, 22_050, 44_100]))
def test_segments_make_up_the_seconds_that_are_wanted(tmp_path_factory, seconds, segments, rate):
    path = tmp_path_factory.mktemp("audio") / "a.wav"
    write(path, tone(16_000, 1.5), 16_000)
    found = read_mono(path, rate, seconds, cut="segments", segments=segments, min_share=1.0)
    assert 0 <= round(seconds * rate) - len(found) <= 1  # the end of a file may be half a sample away


def test_a_silent_segment_is_no_reason_and_one_that_is_not_there_counts_as_missing(tmp_path):
    music, silence = tone(22_050, 2.0), np.zeros((22_050 * 6, 1), np.float32)
    path = write(tmp_path / "fade.wav", np.concatenate([music, silence]), 22_050)
    assert np.ptp(read_mono(path, 22_050, 3.0, cut="segments")) > 0.1
    path = write(tmp_path / "cut.flac", np.concatenate([music, music, music, music]), 22_050, subtype=None)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadAudio) as caught:
        read_mono(path, 22_050, 4.0, cut="segments", segments=2, min_share=1.0)
    assert caught.value.reason in ("undecodable", "wrong_duration")


@pytest.mark.parametrize("extension", ["flac", "mp3", "ogg"])
def test_a_compressed_file_is_read_from_the_middle(tmp_path, extension):
    x = np.concatenate([tone(22_050, 2, hz=300), tone(22_050, 2, hz=900)])
    path = write(tmp_path / f"a.{extension}", x, 22_050, subtype=None)
    spectrum = np.abs(np.fft.rfft(read_mono(Excerpt(str(path), 2.5, 1.0), 22_050)))
    assert spectrum.argmax() == 900


@pytest.mark.parametrize("start", [1.0, 5.0, 1e9])
def test_an_excerpt_beyond_the_end_is_empty(tmp_path, start):
    path = write(tmp_path / "a.wav", tone(22_050), 22_050)
    assert reason(Excerpt(str(path), start)) == "empty"


@pytest.mark.parametrize(("seconds", "verdict"), [(0.99, None), (0.6, None), (0.4, "truncated"), (0.05, "empty")])
def test_a_file_must_hold_its_share_of_what_is_wanted(tmp_path, seconds, verdict):
    path = write(tmp_path / "a.wav", tone(22_050, seconds), 22_050)
    outcome = read_clip(Excerpt(str(path)), Audio(seconds=1.0, min_share=0.5))
    assert getattr(outcome, "reason", None) == verdict


@pytest.mark.parametrize(("keep", "verdict"), [(0.8, None), (0.3, "wrong_duration")])
def test_a_header_that_claims_more_than_there_is_matters_only_where_too_little_is_there(tmp_path, keep, verdict):
    path = write(tmp_path / "a.mp3", tone(22_050, 4.0), 22_050, subtype=None)
    raw = path.read_bytes()
    path.write_bytes(raw[: round(keep * len(raw))])
    with soundfile.SoundFile(path) as file:
        assert file.frames == 4 * 22_050  # as its Xing header says
    outcome = read_clip(Excerpt(str(path)), Audio(seconds=4.0, min_share=0.5))
    assert getattr(outcome, "reason", None) == verdict
    if verdict:
        assert "its header claims 4.000 s" in outcome.message


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_a_level_that_never_changes_is_constant(tmp_path, rate):
    assert reason(write(tmp_path / "a.wav", np.full((rate, 2), 0.3, np.float32), rate)) == "constant"
    wobbling = 0.3 + 0.01 * tone(rate)
    assert len(read_mono(write(tmp_path / "b.wav", wobbling, rate), 22_050))


def test_what_nobody_expected_is_told_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("genrelab.data.audio.soxr.resample", lambda *_: 1 / 0)
    path = write(tmp_path / "a.wav", tone(22_050), 22_050)
    outcome = read_clip(Excerpt(str(path)), Audio(seconds=1.0))
    assert outcome == ("failed", "ZeroDivisionError: division by zero")


@given(
    x=hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(-1, 1, width=16)),
    samples=st.integers(0, 200),
    pad=st.sampled_from(PADS),
)
def test_padding_repeats_whole_copies_or_goes_round(x, samples, pad):
    found = fit_length(x, samples, pad)
    around = np.pad(x, (0, max(0, samples - len(x))), mode="wrap")[:samples]
    copied = {"zeros": min(len(x), samples), "repeat": samples // len(x) * len(x) or samples, "wrap": samples}[pad]
    np.testing.assert_array_equal(found[:copied], around[:copied])
    assert found.shape == (samples,)
    assert not found[copied:].any()


@given(
    x=hnp.arrays(
        st.sampled_from([np.float32, np.float64]), st.integers(0, 50), elements=st.floats(-1, 1, width=16)
    ),
    samples=st.integers(0, 60),
)
def test_fit_length_is_pad_then_cut(x, samples):
    found = fit_length(x, samples)
    np.testing.assert_array_equal(found, np.pad(x, (0, 60))[:samples])
    assert found.dtype == x.dtype
