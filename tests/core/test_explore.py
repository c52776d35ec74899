"""Exploring a dataset: what the page says is what is there, whatever the files and names are like."""

from __future__ import annotations

import base64
import importlib
import io
import json
import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile
from click.testing import CliRunner

from genrelab.cli.data_explore import explore
from genrelab.components import Track
from genrelab.data.explore.drawing import bars, histogram, save
from genrelab.data.explore.examples import envelope, log_mel, power_spectrum
from genrelab.data.explore.sound import decode, player
from genrelab.data.explore.survey import survey
from genrelab.errors import InputError
from tests.conftest import Command

RATE = 16_000

ODD = """
name = "odd"
model = { name = "linear" }
reporter = []
dataset = { name = "manifest", file = "odd.csv" }
feature = { name = "spectrum" }
"""

DAMAGED = """
import os
from genrelab.data.explore.survey import _probe

def probe_all(tracks):
    if any(t.id == "deadly.wav" for t in tracks):
        os.kill(os.getpid(), 11)
    return [_probe(t) for t in tracks]
"""
QUIETER = """
import attrs
from torch import nn
from genrelab import Augmentation, hookimpl

@attrs.frozen
class Params:
    pass

class Quieter(nn.Module):
    def forward(self, x):
        return x / 2 if self.training else x

@hookimpl
def provide_augmentations():
    return [Augmentation("quieter", Params, lambda params, sample_rate: Quieter(), domain="waveform")]
"""


def tone(frequency: float, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@pytest.fixture
def page(toy: Path, monkeypatch: pytest.MonkeyPatch):
    """Explore the toy experiment; give the page's text and its folder."""
    monkeypatch.chdir(toy)

    def run(*arguments: str) -> tuple[str, Path]:
        CliRunner().invoke(
            explore, ["toy.toml", "--out", "out", "--per-genre", "1", *arguments], catch_exceptions=False
        )
        return (toy / "out/index.html").read_text(), toy / "out"

    return run


class TestSurvey:
    def test_headers_are_what_the_files_have(self, tmp_path: Path) -> None:
        stereo = np.stack([tone(440, 2.0, 44_100)] * 2, 1)
        soundfile.write(tmp_path / "a.wav", stereo, 44_100)
        soundfile.write(tmp_path / "b.mp3", stereo, 44_100, bitrate_mode="CONSTANT", compression_level=0.0)
        found = survey([Track(n, tmp_path / n, "x") for n in ("a.wav", "b.mp3")])
        first, second = found.known
        assert (first.sample_rate, first.channels, first.format) == (44_100, 2, "WAV PCM_16")
        assert first.seconds == pytest.approx(2.0)
        assert first.kbits == pytest.approx(44_100 * 2 * 16 / 1000, rel=0.01)
        assert second.format.startswith("MP3")
        assert second.kbits == pytest.approx(320, rel=0.1)

    def test_part_of_a_file_lasts_as_long_as_the_part(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "a.wav", tone(440, 3.0), RATE)
        tracks = [
            Track("part", tmp_path / "a.wav", "x", start=1.0, duration=0.5),
            Track("rest", tmp_path / "a.wav", "x", start=1.0),
        ]
        assert [h.seconds for h in survey(tracks).known] == pytest.approx([0.5, 2.0])

    def test_unreadable_files_are_listed_and_counted(self, tmp_path: Path) -> None:
        (tmp_path / "empty.wav").touch()
        (tmp_path / "text.wav").write_text("no audio" * 50)
        names = ("empty.wav", "text.wav", "missing.wav")
        found = survey([Track(n, tmp_path / n, "x") for n in names])
        assert [i for i, _ in found.unreadable] == list(names)
        assert all(why for _, why in found.unreadable)
        assert found.headers == (None,) * 3

    def test_a_file_that_ends_the_process_which_reads_it_is_listed_and_no_other(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "damaged.py").write_text(DAMAGED)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr("genrelab.data.explore.survey._probe_all", importlib.import_module("damaged").probe_all)
        names = ("a.wav", "deadly.wav", "b.wav")
        for name in names:
            soundfile.write(tmp_path / name, tone(440), RATE)
        found = survey([Track(n, tmp_path / n, "x") for n in names])
        assert found.unreadable == (("deadly.wav", "ends the process that works on it, also when tried again"),)
        assert [h is None for h in found.headers] == [False, True, False]

    def test_counts_shares_and_distinct_artists(self) -> None:
        nowhere = Path("nowhere.wav")
        labels = ["rock"] * 3 + ["jazz"] + [""]
        tracks = [Track(str(i), nowhere, g, artist=f"artist {i % 2}") for i, g in enumerate(labels)]
        found = survey(tracks)
        assert found.counts == {"rock": 3, "jazz": 1}
        assert found.unlabelled == 1
        assert found.imbalance == 3
        assert found.distinct("artist") == {"rock": 2, "jazz": 1}
        assert found.distinct("album") == {"rock": 0, "jazz": 0}


class TestPage:
    def test_shows_every_genre_and_needs_nothing_from_elsewhere(self, page) -> None:
        text, out = page()
        sources = re.findall(r'src="([^"]*)"', text)
        assert sources
        assert all(source.startswith("data:") for source in sources)
        assert not re.findall(r'href=|url\(|@import|<script|src="http', text)
        assert text.count("<audio") == 3
        assert {f.name for f in out.glob("*.png")} >= {"genres.png", "cloud.png", "spectra.png", "artists.png"}
        embedded = base64.b64decode(sources[0].split(",")[1])
        assert embedded == (out / "genres.png").read_bytes()

    def test_only_chosen_tracks_are_shown(self, page) -> None:
        text, out = page("--tracks", "mid-1", "--tracks", "low-0")
        assert len([*out.glob("example-*.png")]) == 2
        assert "mid-1" in text
        assert "high-" not in text

    def test_unknown_track_is_wrong_input_with_a_guess(self, page) -> None:
        with pytest.raises(InputError, match=r"'mid-99'.*did you mean 'mid-"):
            page("--tracks", "mid-99")

    def test_broken_files_do_no_harm(self, page) -> None:
        text, _ = page("--set", "dataset.broken=2")
        assert "Files that cannot be read" in text
        assert "broken-0" in text
        assert "broken-1" in text

    def test_what_decoders_complain_of_is_not_shown_raw(self, toy: Path, genrelab: Command) -> None:
        lame = b"\xff\xfb\x90\x00" + bytes(413)  # one frame, then rubbish: libmpg123 prints notes of it
        (toy / "bad.mp3").write_bytes(lame + b"\x93\x2b" * 500 + lame)
        (toy / "odd.toml").write_text(ODD)
        (toy / "odd.csv").write_text("path,genre\nbad.mp3,a\n")
        done = genrelab("data", "explore", "odd.toml")
        assert (done.returncode, done.stderr) == (0, "")
        assert "bad.mp3" in (toy / "runs/odd-explore/index.html").read_text()

    def test_names_from_strangers_are_text(self, page, toy: Path) -> None:
        plugin = toy / "toy.py"
        plugin.write_text(plugin.read_text().replace('"low": 200', '"<script>alert(1)</script> $x_1$": 200'))
        plugin.write_text(plugin.read_text().replace('f"{genre}-{i}.wav"', 'f"{pitch}-{i}.wav"'))
        text, _ = page()
        assert "<script" not in text
        assert "&lt;script&gt;alert(1)" in text

    def test_reporters_are_told_of_every_picture(self, page, toy: Path) -> None:
        _, out = page("--set", "reporter.recorder.file='seen.jsonl'")
        [hook, event] = json.loads((toy / "seen.jsonl").read_text())
        assert hook == "on_explore_end"
        assert event["facts"]["tracks"] == "36"
        assert event["experiment"]["dataset"]["name"] == "tones"
        assert {toy / p["file"] for p in event["pictures"]} == {*(toy / out).glob("*.png")}
        examples = [(p["number"], p["caption"].split(":")[0]) for p in event["pictures"] if p["name"] == "example"]
        assert [number for number, _ in examples] == [0, 1, 2]
        assert {name.split("-")[0] for _, name in examples} == {"low", "mid", "high"}

    def test_augmentations_are_shown_before_and_after(self, page, toy: Path) -> None:
        file = toy / "toy.toml"
        file.write_text(file.read_text().replace("[train]", '[[augment]]\nname = "spec_mask"\n\n[train]', 1))
        text, out = page()
        assert (out / "augmentation-spec_mask-1.png").is_file()
        assert "before and after spec_mask" in text

    def test_augmented_waveforms_are_drawn_above_their_features(self, page, toy: Path) -> None:
        file = toy / "toy.toml"
        file.write_text(file.read_text().replace("[train]", '[[augment]]\nname = "quieter"\n\n[train]', 1))
        (toy / "quieter.py").write_text(QUIETER)
        _, out = page("--plugin", "quieter.py")
        with PIL.Image.open(out / "augmentation-quieter-1.png") as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        blue = (np.abs(pixels - [0x00, 0x72, 0xB2]).sum(2) < 60).sum(0)  # of the curves, by column
        before, after = (blue[i] for i in (slice(0, len(blue) // 2), slice(len(blue) // 2, None)))
        assert after.max() == pytest.approx(before.max() / 2, rel=0.2)


class TestDrawing:
    @pytest.mark.parametrize("frequency", [300.0, 1000.0, 5000.0])
    def test_spectra_peak_where_the_tone_is(self, frequency: float) -> None:
        bins = np.linspace(0, RATE / 2, 1025)
        assert bins[power_spectrum(tone(frequency)).argmax()] == pytest.approx(frequency, abs=8)

    def test_log_mel_is_that_of_librosa(self) -> None:
        import librosa

        x = tone(700) + 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
        mel = librosa.feature.melspectrogram(y=x, sr=RATE, n_fft=2048, hop_length=512, n_mels=128)
        np.testing.assert_allclose(log_mel(x, RATE), librosa.power_to_db(mel, ref=np.max), atol=2e-3)

    def test_silence_is_drawn_flat(self) -> None:
        assert np.isfinite(log_mel(np.zeros(RATE, np.float32), RATE).numpy()).all()

    def test_envelope_keeps_the_extremes(self) -> None:
        x = np.zeros(100_000, np.float32)
        x[[12_345, 54_321]] = 0.9, -0.8
        times, values = envelope(x, RATE)
        assert (values.max(), values.min()) == pytest.approx((0.9, -0.8))
        assert times[values.argmax()] == pytest.approx(12_345 / RATE, abs=0.02)
        assert len(values) < 3000

    def test_figures_stand_odd_names_and_values(self, tmp_path: Path) -> None:
        names = {f"{'long name ' * 6}{i} $x_$ 音楽": float(i) for i in range(16)}
        save(bars(names, "$a title_", "tracks"), tmp_path / "bars.png")
        save(histogram([30.0] * 5, "Duration", "seconds"), tmp_path / "same.png")
        for file in tmp_path.glob("*.png"):
            assert np.asarray(PIL.Image.open(file).convert("L")).std() > 5  # something is drawn


class TestPlayer:
    def test_small_files_are_kept_as_they_are(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "a.mp3", tone(440), RATE)
        kind, data = player(Track("a", tmp_path / "a.mp3", "x"), tone(440), RATE).split(",")
        assert kind == "data:audio/mpeg;base64"
        assert base64.b64decode(data) == (tmp_path / "a.mp3").read_bytes()

    def test_large_files_and_parts_of_files_become_short_excerpts(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "a.wav", np.concatenate([tone(440, 15.0), tone(1500, 5.0)]), RATE)
        for track, seconds, pitch in (
            (Track("a", tmp_path / "a.wav", "x"), 10.0, 440),
            (Track("a", tmp_path / "a.wav", "x", start=16.0, duration=1.0), 1.0, 1500),
        ):
            audio = decode(track, 22_050, 30.0)
            assert not isinstance(audio, str)
            kind, data = player(track, audio, 22_050).split(",")
            assert kind == "data:audio/ogg;base64"
            heard, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
            assert len(heard) / rate == pytest.approx(seconds, abs=0.1)
            assert np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard) == pytest.approx(pitch, abs=5)
