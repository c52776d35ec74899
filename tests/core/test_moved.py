"""A dataset whose files are elsewhere than when a study began: found again by their ids, checked by their bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.config.files import parse
from genrelab.data.prepare import Preparation
from genrelab.data.tracks import read_tracks
from genrelab.errors import InputError, WorkError
from genrelab.plugins.registry import Registry
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
