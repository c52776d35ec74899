"""Files of any length in clips of the experiment's length."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from genrelab.config.experiment import Audio
from genrelab.data.audio import BadAudio, Excerpt, read_clip, read_mono, stream_mono
from genrelab.use.clips import clips_of, clips_of_file

RATE = 1000
AUDIO = Audio(sample_rate=RATE, seconds=2.0)  # min_share 0.5


def noise(samples):
    return np.random.default_rng(samples).standard_normal(samples).astype(np.float32)


def starts(seconds, hop=0.0, audio=AUDIO):
    return [clip.start for clip in clips_of([noise(round(seconds * RATE))], audio, hop)]


def test_clips_follow_one_another_and_a_long_enough_rest_ends_with_the_file():
    assert starts(6.0) == [0, 2, 4]
    assert starts(6.9) == [0, 2, 4]
    assert starts(7.0) == [0, 2, 4, 5]
    assert starts(7.0, hop=1.0) == [0, 1, 2, 3, 4, 5]
    assert starts(7.6, hop=1.0) == [0, 1, 2, 3, 4, 5, 5.6]


def test_a_short_file_is_filled_as_in_training():
    for pad in ("zeros", "repeat", "wrap"):
        [clip] = clips_of([noise(700)], Audio(sample_rate=RATE, seconds=2.0, pad=pad))
        assert clip.samples.shape == (2000,)
        assert clip.seconds == 0.7
        assert np.array_equal(clip.samples[:700], noise(700))
        assert (clip.samples[1000] == 0) == (pad == "zeros")


def test_silent_clips_are_left_out():
    x = noise(8000)
    x[2000:4000] = 0
    assert [c.start for c in clips_of([x], AUDIO)] == [0, 4, 6]
    assert list(clips_of([np.zeros(8000, np.float32)], AUDIO)) == []


@given(st.lists(st.integers(0, 3000), max_size=8), st.floats(0.05, 5.0))
def test_clips_do_not_depend_on_the_blocks_they_come_in(sizes, hop):
    x = noise(sum(sizes))
    whole = list(clips_of([x], AUDIO, hop))
    pieces = list(clips_of(np.split(x, np.cumsum(sizes)[:-1]) if sizes else [], AUDIO, hop))
    assert [c.start for c in pieces] == [c.start for c in whole]
    for a, b in zip(pieces, whole, strict=True):
        assert np.array_equal(a.samples, b.samples)
        assert len(a.samples) == 2000


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_a_stream_gives_the_samples_of_a_whole_read(tmp_path, rate, monkeypatch):
    monkeypatch.setattr("genrelab.data.audio._BLOCK", 5000)
    soundfile.write(tmp_path / "a.wav", 0.1 * np.stack([noise(3 * rate), noise(3 * rate + 1)[1:]], 1), rate)
    streamed = np.concatenate(list(stream_mono(str(tmp_path / "a.wav"), 8000)))
    assert np.array_equal(streamed, read_mono(tmp_path / "a.wav", 8000))


@pytest.mark.parametrize("seconds", [0.7, 2.0, 5.0])
def test_the_first_clip_of_a_file_is_the_clip_of_the_study(tmp_path, seconds):
    soundfile.write(tmp_path / "a.flac", 0.1 * noise(round(seconds * 3000)), 3000)
    audio = Audio(sample_rate=RATE, seconds=2.0, min_share=0.0)
    first = next(clips_of_file(str(tmp_path / "a.flac"), audio))
    assert first.samples == pytest.approx(read_clip(Excerpt(str(tmp_path / "a.flac")), audio), abs=1e-7)


def test_what_cannot_be_used_has_the_reasons_of_the_study(tmp_path):
    bad = noise(3000)
    bad[2000] = np.nan
    signals = {"non_finite": bad, "silent": np.zeros(5000), "constant": np.full(5000, 0.3), "empty": noise(20)}
    for reason, x in signals.items():
        soundfile.write(tmp_path / "a.wav", np.asarray(x, np.float32), 4000, "FLOAT")
        with pytest.raises(BadAudio) as error:
            list(clips_of_file(str(tmp_path / "a.wav"), AUDIO))
        assert error.value.reason == reason
    (tmp_path / "b.wav").write_bytes(b"no audio" * 99)
    with pytest.raises(BadAudio, match="cannot be decoded"):
        list(clips_of_file(str(tmp_path / "b.wav"), AUDIO))
    with pytest.raises(BadAudio, match="no such file"):
        list(clips_of_file(str(tmp_path / "c.wav"), AUDIO))


def test_a_process_that_only_decodes_imports_no_torch():
    code = "import sys; from genrelab.use.clips import read_clips_of; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
