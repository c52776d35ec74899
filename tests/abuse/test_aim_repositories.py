"""Aim repositories that are none, broken, or from the future: one line, or Aim as it should be."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.abuse.test_kills import files
from tests.abuse.tiny import SMALL, call, outcome, prepare, said
from tests.cli.test_aim_sync import content as in_aim

DATABASE = "aim/.aim/run_metadata.sqlite"


def a_file() -> None:
    shutil.rmtree("aim")
    Path("aim").touch()


def a_file_within() -> None:
    shutil.rmtree("aim/.aim")
    Path("aim/.aim").touch()


def no_database() -> None:
    Path(DATABASE).write_bytes(b"this is no database" * 1000)


def half_a_database() -> None:
    Path(DATABASE).write_bytes(Path(DATABASE).read_bytes()[:5000])


def no_tables() -> None:
    Path(DATABASE).unlink()
    sqlite3.connect(DATABASE).close()


def a_newer_schema() -> None:
    with sqlite3.connect(DATABASE) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    database.close()


def a_newer_version() -> None:
    Path("aim/.aim/VERSION").write_text("99.0")


def no_runs() -> None:
    shutil.rmtree("aim/.aim/meta")


LATER = (a_newer_schema, a_newer_version)
STRANGE = (a_file, a_file_within, no_database, half_a_database, no_tables, *LATER, no_runs)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that is in Aim; tests copy it."""
    folder = tmp_path_factory.mktemp("whole")
    prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert call(*SMALL).exit_code == 0
        assert call("aim-sync", "study", "--repo", "aim").exit_code == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("make_strange", STRANGE)
def test_a_strange_repository_is_one_line(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_strange: Callable[[], None]
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    monkeypatch.chdir(folder)
    make_strange()
    done = call("aim-sync", "study", "--repo", "aim")
    print(f"{make_strange.__name__}: {said(done)}")
    assert done.exit_code == 0 or said(done).startswith("study: Aim fails: ")
    assert "\n" not in said(done)
    if make_strange in LATER:
        assert "aim: is of a later Aim" in said(done)
    if not done.exit_code:
        assert in_aim(folder / "aim") == in_aim(whole / "aim")


@pytest.mark.slow
def test_a_study_goes_on_without_a_repository_of_a_later_aim(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(whole, folder)
    shutil.rmtree(folder / "study")
    monkeypatch.chdir(folder)
    a_newer_version()
    before = files(folder / "aim")
    done = call(*SMALL, "--set", "reporter=[{name='aim', repo='aim'}]")
    assert done.exit_code == 0, said(done)
    assert "WorkError: aim: is of a later Aim (version 99.0)" in done.stderr
    assert outcome(folder / "study") == outcome(whole / "study")
    assert {**files(folder / "aim"), ".aim.lock": ""} == {**before, ".aim.lock": ""}
