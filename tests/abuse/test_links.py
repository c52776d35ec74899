"""Links where folders are expected, and other machines at the same run directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from genrelab.files import write_json
from genrelab_plugins.datasets.audio_folder import Params, build
from tests.abuse.tiny import SMALL, call, outcome, prepare, said


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ready to run in."""
    prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_directory_and_a_store_may_be_links(folder: Path) -> None:
    for link, target in (("study", "disk/study"), ("store", "disk/store")):  # the first leads nowhere yet
        Path(link).symlink_to(target)
    Path("disk/store").mkdir(parents=True)
    assert call(*SMALL, "--store", "store").exit_code == 0
    expected = outcome(Path("disk/study"))
    done = call(*SMALL, "--store", "store", "--restart")
    assert done.exit_code == 0, done.exception
    assert Path("study").is_symlink()
    assert outcome(Path("disk/study")) == expected


@pytest.mark.slow
def test_a_report_that_is_a_link_is_replaced_and_what_it_leads_to_is_left_alone(folder: Path) -> None:
    assert call(*SMALL).exit_code == 0
    Path("elsewhere").mkdir()
    Path("elsewhere/mine").touch()
    Path("study/report").symlink_to("../elsewhere")
    for _ in range(2):
        assert call("report", "study").exit_code == 0
        assert Path("study/report/index.html").is_file()
        assert not Path("study/report.old").is_symlink()
    assert [file.name for file in Path("elsewhere").iterdir()] == ["mine"]


@pytest.mark.slow
def test_a_training_that_is_a_link_is_replaced_and_what_it_leads_to_is_left_alone(
    folder: Path,
) -> None:
    assert call(*SMALL).exit_code == 0
    expected = outcome(folder / "study")
    trial = folder / "study/candidates/wide/final/seed-1"
    shutil.copytree(folder / "study/candidates/narrow/final/seed-1", folder / "elsewhere")
    shutil.rmtree(trial)
    trial.symlink_to(folder / "elsewhere")
    before = {file: file.read_bytes() for file in (folder / "elsewhere").iterdir()}
    assert call(*SMALL).exit_code == 0
    assert not trial.is_symlink()
    assert {file: file.read_bytes() for file in (folder / "elsewhere").iterdir()} == before
    assert outcome(folder / "study") == expected


def test_links_below_a_dataset_end(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for file in (root / "jazz/a.wav", outside / "b.wav", outside / "deep/c.wav"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (root / "rock").symlink_to(outside)
    (root / "jazz/again.wav").symlink_to(root / "jazz/a.wav")
    (root / "jazz/out.wav").symlink_to(outside / "b.wav")
    (root / "jazz/nowhere.wav").symlink_to(tmp_path / "nothing")
    (root / "jazz/self.wav").symlink_to(root / "jazz/self.wav")
    (root / "jazz/loop").symlink_to(root)
    (outside / "loop").symlink_to(outside)
    names = ("a", "again", "nowhere", "out", "self")
    expected = [*(f"jazz/{name}.wav" for name in names), "rock/b.wav", "rock/deep/c.wav"]
    assert [track.id for track in build(Params(root=str(root)))] == expected


@pytest.mark.slow
def test_a_study_of_another_machine_is_left_alone_while_it_runs_and_goes_on_once_it_is_down(folder: Path) -> None:
    assert call(*SMALL).exit_code == 0
    write_json(folder / "study/state.json", {"state": "running", "pid": 1, "machine": "other", "since": 0.0})
    with FileLock(folder / "study/lock"):
        refused = call(*SMALL)
    assert refused.exit_code == 1
    assert "process 1 on other, since" in said(refused)
    assert call(*SMALL).exit_code == 0
