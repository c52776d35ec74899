"""A study told again from its run directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from genrelab.errors import InputError
from genrelab.events import Compared, EpochEnd, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab.files import read_json, write_json
from genrelab.study.replay import replay
from tests.written_study import BEGAN, GENRES, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study")


def test_events_come_in_the_order_of_a_life(study: Path) -> None:
    events = list(replay(study))
    assert isinstance(events[0], StudyStart)
    assert isinstance(events[-1], StudyEnd)
    trainings = [e.trial.name for e in events if isinstance(e, TrialStart)]
    assert len(trainings) == 12
    assert trainings == [e.trial.name for e in events if isinstance(e, TrialEnd)]
    assert trainings[:5] == [*(f"gru/trial-{i:03d}" for i in range(4)), "gru/seed-1"]
    assert sum(isinstance(e, EpochEnd) for e in events) == 36


def test_the_study_is_described_as_it_was(study: Path) -> None:
    write_json(study / "data/leaks.json", {"note": "audit: 1 artist straddles"})
    start, *_, end = replay(study)
    assert isinstance(start, StudyStart)
    assert (start.study, start.directory, start.trials) == ("study", study, 12)
    assert list(start.candidates) == ["gru", "lstm"]
    assert list(start.classes) == sorted(GENRES)
    assert start.notes == ["2 files are silent", "audit: 1 artist straddles"]
    assert start.environment == {"python": "3.11", "cores": 2}
    assert isinstance(end, StudyEnd)
    assert end.status == "completed"
    assert end.rows[0] == {
        "candidate": "gru",
        "seeds": 2,
        "accuracy": 0.75,
        "parameters": 1000,
        "settings": "learning_rate=0.001",
        "message": "",
    }


def test_times_are_those_of_the_trainings(study: Path) -> None:
    events = list(replay(study))
    times = [e.time for e in events if not isinstance(e, Compared)]
    assert times[:6] == [BEGAN + t for t in (100, 100, 130, 160, 190, 190)]
    assert times == sorted(times)


def test_a_training_says_what_the_search_chose(study: Path) -> None:
    starts = {e.trial.name: e for e in replay(study) if isinstance(e, TrialStart)}
    start = starts["lstm/trial-001"]
    rate = start.recipe["train"]["learning_rate"]
    assert start.parameters == {"train.learning_rate": rate, "augment.mask.width": 8}
    assert start.epochs == 3


def test_trainings_of_finalists_are_told_as_such(study: Path) -> None:
    shutil.copytree(study / "candidates/gru/trials/001", study / "candidates/gru/selection/2-seed-101")
    [end] = [e for e in replay(study) if isinstance(e, TrialEnd) and e.trial.stage == "selection"]
    assert end.trial == TrialRef("study", "gru", "selection", 2, 101)


def test_an_end_has_what_the_result_has(study: Path) -> None:
    ends = {e.trial.name: e for e in replay(study) if isinstance(e, TrialEnd)}
    result = read_json(study / "candidates/gru/final/seed-2/result.json")
    end = ends["gru/seed-2"]
    assert (end.status, end.epochs, end.best_epoch, end.parameters, end.seconds) == ("completed", 3, 3, 1000, 95.0)
    assert end.metrics == result["metrics"]
    assert end.confusion == result["confusion"]
    assert end.objective == result["metrics"]["validation"]["f1_macro"]


def test_what_has_not_ended_is_interrupted(study: Path) -> None:
    (study / "results.csv").unlink()
    (study / "candidates/gru/trials/003/result.json").unlink()
    with (study / "candidates/gru/trials/003/metrics.jsonl").open("a") as lines:
        lines.write('{"epoch": 4, "tra')  # where the power went
    *_, end = events = list(replay(study))
    assert isinstance(end, StudyEnd)
    assert (end.status, list(end.rows)) == ("interrupted", [])
    [cut] = [e for e in events if isinstance(e, TrialEnd) and e.status == "interrupted"]
    assert (cut.trial.name, cut.epochs, cut.objective) == ("gru/trial-003", 3, None)


def test_a_training_that_failed_before_its_first_epoch_is_told(study: Path) -> None:
    folder = study / "candidates/gru/trials/002"
    (folder / "metrics.jsonl").unlink()
    write_json(folder / "result.json", {"status": "failed", "message": "out of memory", "seconds": 2.0})
    [failed] = [e for e in replay(study) if isinstance(e, TrialEnd) and e.status == "failed"]
    assert (failed.message, failed.epochs, failed.objective) == ("out of memory", 0, None)


def test_a_comparison_comes_last(study: Path) -> None:
    write_json(study / "comparison.json", {"verdict": "gru is better"})
    *_, last = replay(study)
    assert isinstance(last, Compared)
    assert (last.study, last.directory, last.comparison) == ("study", study, {"verdict": "gru is better"})


@pytest.mark.parametrize("file", ["experiment.toml", "candidates/gru/trials/000/job.json", "data/tracks.csv"])
def test_files_that_cannot_be_read_are_a_wrong_input(study: Path, file: str) -> None:
    (study / file).write_text("id\n?\n")
    with pytest.raises(InputError, match=r"cannot be read|is damaged"):
        list(replay(study))


def test_no_run_directory_is_a_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run directory"):
        list(replay(tmp_path))
