"""The pool of worker processes: places on GPUs, dead workers, a disk that is full, and how it closes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from genrelab import Job, WorkError
from genrelab_plugins.executors import _pool, _process
from genrelab_plugins.executors._pool import Pool, default_workers


def wait_for(pool: Pool, count: int, seconds: float = 60.0) -> list[Any]:
    ends: list[Any] = []
    deadline = time.monotonic() + seconds
    while len(ends) < count and time.monotonic() < deadline:
        ends += pool.wait(0.1)
    return ends


def test_jobs_run_in_workers_with_places_of_their_own_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    jobs = [Job(str(i), tmp_path / str(i)) for i in range(3)]
    for job in jobs:
        job.directory.mkdir()
        (job.directory / "job.json").write_text("{}")  # a job that fails has a result as well
    pool = Pool(2)
    try:
        pool.submit(jobs[0])
        pool.submit(jobs[1])
        assert sorted(worker.place for worker in pool._busy) == [0, 1]
        first = next(worker for worker, job in pool._busy.items() if job is jobs[0])
        os.kill(first.process.pid or 0, signal.SIGKILL)
        ends = {end.job.name: end.state for end in wait_for(pool, 2)}
        assert ends == {"0": "lost", "1": "ended"}
        pool.submit(jobs[2])
        pool.submit(jobs[0])
        assert sorted(worker.place for worker in pool._busy) == [0, 1]
        assert {end.state for end in wait_for(pool, 2)} == {"ended"}
    finally:
        processes = [w.process for w in [*pool._idle, *pool._busy]]
        pool.close()
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid or 0, 0)


def test_a_machine_that_cannot_go_on_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(directory: Path) -> None:
        raise WorkError("the disk is full")

    job = Job("a", tmp_path)
    monkeypatch.setattr("genrelab.training.job.run_job", full)
    assert _pool._run(job, 0, 1) == "the disk is full"
    monkeypatch.setattr("genrelab.training.job.run_job", lambda directory: None)
    assert _pool._run(job, 0, 1) == ""


@pytest.mark.parametrize(("gpus", "chosen"), [(0, []), (2, [0, 1, 0, 1, 0])])
def test_workers_share_the_gpus_evenly(monkeypatch: pytest.MonkeyPatch, gpus: int, chosen: list[int]) -> None:
    seen: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", seen.append)
    for place in range(5):
        _process.choose_gpu(place)
    assert seen == chosen
    there = gpus or len(os.sched_getaffinity(0))
    assert [default_workers(n) for n in (1, 2, 1000)] == [there, max(1, there // 2), 1]
