"""What is told of runs: the list, the story of one, going on with it by its directory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from genrelab.files import write_json
from genrelab.times import TITLE
from tests.conftest import TOY, Command


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genrelab.cli", *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a toy study that has ended; tests only read it."""
    found = tmp_path_factory.mktemp("runs")
    for file in TOY.glob("toy.*"):
        shutil.copy(file, found)
    done = command(found, "run", "toy.toml", "--plugin", "toy.py", "--set", "candidate.wide.model.fault=raises")
    assert done.returncode == 0, done.stderr
    return found


def test_runs_are_listed_with_state_best_and_age(folder: Path) -> None:
    done = command(folder, "runs")
    assert done.returncode == 0, done.stderr
    line = next(text for text in done.stdout.splitlines() if text.startswith("runs/toy"))
    assert "completed" in line
    assert "loss: narrow" in line
    assert "wide" not in line  # all its trials failed
    assert line.rstrip().endswith((" s", " min"))


def test_a_run_whose_process_is_gone_was_killed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "runs", tmp_path / "runs")
    state = tmp_path / "runs/toy/state.json"
    told = json.loads(state.read_text())
    gone = subprocess.Popen(["true"])
    gone.wait()
    write_json(state, {**told, "state": "running", "pid": gone.pid})
    assert "killed" in command(tmp_path, "runs").stdout


def test_a_run_tells_the_trials_of_every_candidate(folder: Path) -> None:
    told = command(folder, "show", "runs/toy").stdout
    for heading in ("narrow, search", "narrow, finalists", "narrow, final runs", "wide, search"):
        assert heading in told
    assert "wide, final runs" not in told
    assert TITLE in told
    assert "learning_rate=" in told
    assert "failed" in told


def test_a_training_tells_its_settings_and_epochs_or_why_it_failed(folder: Path) -> None:
    told = command(folder, "show", "runs/toy/candidates/narrow/final/seed-1").stdout
    assert "completed" in told
    assert "train.learning_rate = " in told
    assert "test with the best weights: loss" in told
    told = command(folder, "show", "runs/toy/candidates/wide/trials/000").stdout
    assert "failed: this model always fails" in told


def test_a_run_directory_is_an_experiment_of_its_own_and_more_trials_go_on(folder: Path, tmp_path: Path) -> None:
    for name in ("runs", ".genrelab", "tones", "toy.py"):
        (shutil.copytree if (folder / name).is_dir() else shutil.copy)(folder / name, tmp_path / name)
    before = [(tmp_path / f"runs/toy/candidates/narrow/trials/00{i}/result.json").read_text() for i in range(3)]
    done = command(tmp_path, "run", "runs/toy", "--plugin", "toy.py", "--resume", "--set", "search.trials=4")
    assert done.returncode == 0, done.stderr
    trials = sorted((tmp_path / "runs/toy/candidates/narrow/trials").iterdir())
    assert [t.name for t in trials] == ["000", "001", "002"]  # three rates are all there are
    assert [(t / "result.json").read_text() for t in trials] == before


def test_resume_wants_a_run_and_restart_deletes_it(folder: Path, tmp_path: Path, genrelab: Command) -> None:
    for file in TOY.glob("toy.*"):
        shutil.copy(file, tmp_path)
    plugin = ("--plugin", "toy.py")
    done = genrelab("run", "toy.toml", *plugin, "--resume")
    assert (done.returncode, done.stderr) == (2, "error: runs/toy: no run to go on with\n")
    assert genrelab("run", "toy.toml", *plugin, "--resume", "--restart").returncode == 2
    shutil.copytree(folder / "runs", tmp_path / "runs")
    mark = tmp_path / "runs/toy/candidates/narrow/mark"
    mark.write_text("")
    done = genrelab(
        "run", "toy.toml", *plugin, "--restart", "--set", "search={}", "--set", "candidate.wide.space={}"
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists()


@pytest.mark.parametrize(
    ("arguments", "said"), [(("runs", "none"), "holds no run directory"), (("show", "."), "is neither")]
)
def test_what_is_no_run_is_told(genrelab: Command, arguments: tuple[str, ...], said: str) -> None:
    done = genrelab(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
