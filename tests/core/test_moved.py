"""A dataset whose files are elsewhere than when a study began: found again by their ids, checked by their bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.compare.read import read_runs
from genrelab.config.files import parse
from genrelab.data.prepare import Preparation
from genrelab.data.tracks import read_tracks
from genrelab.errors import InputError, WorkError
from genrelab.plugins.registry import Registry
from genrelab.report.command import write_report
from genrelab.study.run import run_study
from genrelab.use.classifier import load
from tests.conftest import TOY

RATE = 8000
Prepare = Callable[[Path], Preparation]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Prepare the data of one study, whose audio is in some folder."""
    registry = Registry.discover([TOY / "toy.py"], tmp_path)

    def make(root: Path) -> Preparation:
        tables = {
            "name": "x",
            "dataset": {"name": "audio_folder", "root": str(root)},
            "audio": {"sample_rate": RATE, "seconds": 1.0},
            "feature": {"name": "spectrum"},
            "model": {"name": "linear"},
        }
        moved = root.name != "music"
        experiment = parse(tables, registry, "x")
        return Preparation(experiment, registry, tmp_path / "data", tmp_path / "store", 1, moved=moved)

    return make


@pytest.fixture
def music(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for genre in ("jazz", "rock"):
        for i in range(4):
            file = tmp_path / "music" / genre / f"{i}.wav"
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, 0.1 * random.standard_normal(RATE).astype("float32"), RATE)
    return tmp_path / "music"


def test_files_are_found_again_and_keep_their_subsets(prepare: Prepare, music: Path, tmp_path: Path) -> None:
    before = prepare(music).tracks
    music.rename(tmp_path / "elsewhere")
    after = prepare(tmp_path / "elsewhere").tracks
    assert (after.digests, after.subsets) == (before.digests, before.subsets)
    assert {t.path.parents[1] for t in after.tracks} == {tmp_path / "elsewhere"}
    assert read_tracks(tmp_path / "data/tracks.csv") == after


def test_who_does_not_say_where_the_files_are_is_told_how_to(prepare: Prepare, music: Path, tmp_path: Path) -> None:
    prepare(music)
    music.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"music is not a folder; .* say so with --set dataset.root=FOLDER"):
        prepare(music)


def test_another_collection_is_refused_and_nothing_is_changed(
    prepare: Prepare, music: Path, tmp_path: Path
) -> None:
    prepare(music)
    kept, other = (tmp_path / "data/tracks.csv").read_text(), music.rename(tmp_path / "elsewhere")
    (other / "jazz/0.wav").write_bytes((other / "jazz/1.wav").read_bytes())
    with pytest.raises(WorkError, match="1 audio files have changed since this study began"):
        prepare(other)
    (other / "jazz/0.wav").unlink()
    with pytest.raises(
        InputError, match=r"1 of 8 tracks of this run are not in the dataset, jazz/0.wav among them"
    ):
        prepare(other)
    assert (tmp_path / "data/tracks.csv").read_text() == kept


@pytest.mark.slow
def test_a_run_is_read_where_it_was_moved_to_and_finds_moved_audio_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, here, there = np.random.default_rng(0), tmp_path / "here", tmp_path / "there"
    for number in range(24):
        file = here / "music" / ("jazz", "rock")[number % 2] / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, 0.1 * random.standard_normal(RATE).astype("float32"), RATE)
    registry = Registry.discover([TOY / "toy.py", TOY.parent / "inline_executor.py"])

    def run(root: Path) -> None:
        tables = {
            "name": "x",
            "dataset": {"name": "audio_folder", "root": str(root / "music")},
            "audio": {"sample_rate": RATE, "seconds": 1.0},
            "feature": {"name": "spectrum"},
            "train": {"epochs": 1},
            "final": {"seeds": [1]},
            "candidate": [{"name": n, "model": {"name": "linear", "width": w}} for n, w in (("a", 4), ("b", 8))],
            "reporter": [],
            "executor": {"name": "inline"},
        }
        run_study(parse(tables, registry, "x"), registry, root / "runs/x", root / "store")

    def report() -> str:
        page, _ = write_report(there / "runs/x", registry, resamples=200)
        return page.read_text()

    run(here)
    here.rename(there)
    assert [finals.name for finals in read_runs([there / "runs/x"]).finals] == ["a", "b"]
    classifier = load(there / "runs/x", candidate="a", registry=registry)
    assert classifier.predict(there / "music/jazz/0.wav").shape == (2,)
    said = report()
    assert "24 of 24 audio files are not where they were" in said
    assert f"genrelab run {there}/runs/x --set dataset.root=FOLDER finds them" in said
    assert "a: no embeddings: " in said
    assert "this feature store is gone; genrelab run makes it again" in said
    run(there)
    said = report()
    assert "not where they were" not in said
    assert "feature store is gone" not in said
