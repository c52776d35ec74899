"""Run directories that a stranger made: nothing runs, nothing is written beside them, no terminal is steered."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from tests.abuse.test_experiment_files import assert_clear
from tests.abuse.watch import Told, command, watched
from tests.report_study import write_study

NAMES = ("../../evil", "../evil", "/tmp/evil", "a/b", "a\\b", "", ".", "..", "x\x1b[2J", "a\nb", "x" * 300)
READERS = ("report", "compare", "show", "aim-sync")
ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e[red]x"


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished one, to be spoilt."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return write_study(tmp_path / "work/runs/study")


def change(study: Path, **changes: Any) -> None:
    file = study / "experiment.toml"
    file.write_text(tomli_w.dumps({**tomllib.loads(file.read_text()), **changes}))


def read(what: str, study: Path) -> Told:
    """Let a command read a run directory; hold that it changes nothing but that, and runs nothing."""
    before = {p for p in study.parents[2].rglob("*") if study not in p.parents}
    with watched() as deeds:
        told = command(what, study)
    assert not deeds.ran
    outside = [path for _, path in deeds.written if not Path(path).absolute().is_relative_to(study.parent)]
    assert not [path for path in outside if "matplotlib" not in path and "/dev/null" not in path]
    assert {p for p in study.parents[2].rglob("*") if study not in p.parents} - before <= {study.parent / ".aim"}
    return told


SOME = [pytest.param(name, marks=pytest.mark.slow if i else ()) for i, name in enumerate(NAMES)]


@pytest.mark.parametrize("name", SOME, ids=ascii)
def test_a_candidate_or_study_whose_name_leads_elsewhere_is_refused(study: Path, name: str) -> None:
    candidates = tomllib.loads((study / "experiment.toml").read_text())["candidate"]
    for changes in ({"name": name}, {"candidate": [{**candidates[0], "name": name}, *candidates[1:]]}):
        change(study, **{"name": "study", "candidate": candidates, **changes})
        for what in READERS:
            told = read(what, study)
            assert told.code == 2
            assert_clear(told)


def test_arrays_are_not_unpickled(study: Path, tmp_path: Path) -> None:
    for file in study.rglob("predictions.npz"):
        with np.load(file) as arrays:
            kept = dict(arrays)
        np.savez(file, **{**kept, "probabilities": np.array([Evil(tmp_path / "ran")], object)}, allow_pickle=True)
    told = read("compare", study)
    assert told.code in (1, 2)
    assert "Traceback" not in told.err
    assert not (tmp_path / "ran").exists()


def test_no_terminal_obeys_what_a_run_directory_says(study: Path) -> None:
    for file in study.rglob("result.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "message": ESCAPE, "status": "failed"}))
        (file.parent / "traceback.txt").write_text(ESCAPE)
        break
    notes = study / "data/notes.json"
    notes.write_text(json.dumps([ESCAPE, *json.loads(notes.read_text())]))
    for what, folder in (("show", file.parent), ("show", study), ("compare", study)):
        told = command(what, folder)
        assert all(c.isprintable() or c == "\n" for c in told.out + told.err), (what, folder)
        assert told.code in (0, 1, 2)
    assert "owned" in command("show", file.parent).out
