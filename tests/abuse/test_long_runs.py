"""Many trainings in one process leave behind no more than a few did: no threads, files or memory."""

from __future__ import annotations

import gc
import shutil
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from genrelab.training.job import run_job
from tests.abuse.tiny import call, prepare, run_arguments

GROWTH = 1.05  # of memory


class Held(NamedTuple):
    """What a process holds."""

    threads: int
    files: int
    memory: int
    """Bytes that are resident and its own."""


def held() -> Held:
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    memory = 1024 * int(status["RssAnon"].split()[0])
    return Held(threading.active_count(), sum(1 for _ in Path("/proc/self/fd").iterdir()), memory)


def train_again(folder: Path, times: int) -> None:
    """Run one training so many times in this process, each from its beginning."""
    for _ in range(times):
        for name in ("result.json", "checkpoint.pt", "best.safetensors", "metrics.jsonl"):
            (folder / name).unlink()
        run_job(folder)


def check(tmp_path: Path, few: int, many: int) -> None:
    prepare(tmp_path)
    assert call(*run_arguments("study")).exit_code == 0
    folder = tmp_path / "study/candidates/wide/final/seed-1"
    train_again(folder, few)
    before = held()
    train_again(folder, many - few)
    after = held()
    print(f"after {few} trainings {before}, after {many} {after}")
    assert after.threads <= before.threads
    assert after.files <= before.files
    assert after.memory <= GROWTH * before.memory
    shutil.rmtree(tmp_path / "study")


def test_trainings_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(tmp_path, 5, 25)


@pytest.mark.slow
def test_two_hundred_trainings_leave_no_more_behind_than_twenty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(tmp_path, 20, 200)
