"""A disk that is full, or may not be written to: one line, nothing half written, and the same command goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.tiny import call, outcome, prepare, run_arguments, said

PAGE = 4096
NOBODY = 65534
COMMANDS = {
    "compare": ("compare", "study"),
    "report": ("report", "study"),
    "predict": ("predict", "study", "tones/low-0.wav", "--candidate", "wide", "--timeline", "timeline"),
    "export": ("export", "study", "--candidate", "wide", "--output", "exported"),
    "aim-sync": ("aim-sync", "study", "--repo", "aim"),
}


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A disk of its own, with a tiny study that has ended on it; the folder that tests run in."""
    folder = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=755", "tmpfs", folder]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("needs root, to mount a disk")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare(folder)
        assert call(*run_arguments("undisturbed")).exit_code == 0
        yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture
def unprivileged(disk: Path) -> Iterator[None]:
    """Do without root's right to ignore permissions."""
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def leave(disk: Path, pages: int) -> None:
    """Fill the disk but for so many pages."""
    (disk / "ballast").unlink(missing_ok=True)
    state = os.statvfs(disk)
    with (disk / "ballast").open("wb") as ballast:
        ballast.write(bytes((state.f_bavail - pages) * PAGE))


def check_run(disk: Path, pages: int) -> bool:
    """Run a study on a disk with so much space, and once more when there is enough; tell whether there was."""
    for name in ("study", "store"):
        shutil.rmtree(disk / name, ignore_errors=True)
    leave(disk, pages)
    arguments = [*run_arguments("study"), "--store", "store"]
    done = call(*arguments)
    if done.exit_code:
        assert done.exit_code == 1
        assert "No space left on device" in said(done)
    (disk / "ballast").unlink()
    assert call(*arguments).exit_code == 0
    assert outcome(disk / "study") == outcome(disk / "undisturbed")
    assert not list(disk.glob("study/**/*.part"))
    return not done.exit_code


def test_a_study_goes_on_when_there_is_space_again(disk: Path) -> None:
    assert not check_run(disk, 40)


@pytest.mark.slow
def test_a_study_goes_on_wherever_the_disk_was_full(disk: Path) -> None:
    pages = 0
    while not check_run(disk, pages):
        pages += 7
    print(f"full after 0, 7, ... {pages - 7} pages")
    assert pages > 50


def refused(arguments: Any, by: str) -> None:
    done = call(*arguments)
    assert done.exit_code in (1, 2)
    assert by in said(done)


@pytest.mark.slow
def test_a_disk_that_has_become_read_only_is_told_in_a_line(disk: Path) -> None:
    remount = ["mount", "-o", "remount,ro", disk]  # before Aim is used, which leaves files open
    subprocess.run(remount, check=True)
    try:
        for command in (run_arguments("undisturbed"), run_arguments("new"), *COMMANDS.values()):
            refused([a.replace("study", "undisturbed") if a == "study" else a for a in command], "Read-only")
    finally:
        subprocess.run([*remount[:2], "remount,rw", disk], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_other_commands_say_that_the_disk_is_full_in_a_line(disk: Path, command: str) -> None:
    shutil.rmtree(disk / "study", ignore_errors=True)
    shutil.copytree(disk / "undisturbed", disk / "study")
    for pages in (0, 1, 5, 20):
        shutil.rmtree(disk / "exported", ignore_errors=True)
        leave(disk, pages)
        done = call(*COMMANDS[command])
        assert not done.exit_code or "space" in said(done), said(done)
    (disk / "ballast").unlink()
    shutil.rmtree(disk / "exported", ignore_errors=True)
    assert call(*COMMANDS[command]).exit_code == 0


def test_what_may_not_be_written_is_named(disk: Path, unprivileged: None) -> None:
    refused(run_arguments("undisturbed"), "undisturbed")
    refused(run_arguments("elsewhere"), "elsewhere: Permission denied")
    refused(("compare", "undisturbed"), "undisturbed/comparison.")
    assert call("show", "undisturbed").exit_code == 0


def test_audio_that_may_not_be_read_is_quarantined(disk: Path) -> None:
    shutil.rmtree(disk / "own", ignore_errors=True)
    shutil.copytree(disk / ".genrelab/store", disk / "own/store")
    for path in (disk / "own", *(disk / "own").rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    audio = disk / "tones/low-0.wav"
    before = audio.stat()
    os.utime(audio)  # so that it is read again
    audio.chmod(0)
    os.seteuid(NOBODY)
    try:
        done = call(*run_arguments("own/study"), "--store", "own/store")
    finally:
        os.seteuid(0)
        audio.chmod(0o644)
        os.utime(audio, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert done.exit_code == 0, said(done)
    assert (
        "low-0.wav,missing,cannot be read: Permission denied"
        in (disk / "own/study/data/quarantine.csv").read_text()
    )
