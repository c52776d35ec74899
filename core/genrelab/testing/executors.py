"""What every executor must do. Jobs are real; what they run is a plugin file that fails, dies or takes its time."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genrelab.components import Executor, TrialExecutor
from genrelab.files import write_json
from genrelab.jobs import JOB_FILE, RESULT, Job, JobEnd
from genrelab.testing.checks import BrokenError, require

SECONDS = 120.0  # for a job to come back; a process that starts imports torch first
FAILS = "raise RuntimeError('fails')"
DIES = "import os\nos._exit(7)"
SLOW = """import os, pathlib, time
pathlib.Path({pid!r}).write_text(str(os.getpid()))
time.sleep(3)
raise RuntimeError
"""


def jobs_come_back(executor: Executor, params: Any) -> None:
    """Every job comes back once, as ended, with its result; also one that fails."""
    with _started(executor, params) as (running, folder):
        require(
            isinstance(running.slots, int) and running.slots > 0, f"slots is {running.slots!r}", "give 1 or more"
        )
        nothing = running.wait(0.0)
        require(nothing == [], f"wait() gives {nothing!r} where nothing runs", "return [] where nothing has ended")
        jobs = [_job(folder, str(i), FAILS) for i in range(running.slots + 1)]
        ends = [end for job in jobs for end in _run(running, job)]
        names = [end.job.name for end in ends]
        require(sorted(names) == [j.name for j in jobs], f"{len(jobs)} jobs, {names} came back", "return each once")
        for end in ends:
            text = f"a job whose training fails comes back as {end.state!r}"
            require(end.state == "ended", text, "a failed training is a result: return JobEnd(job, 'ended')")
            there = (end.job.directory / RESULT).is_file()
            require(there, "a job that ended has no result.json", "call genrelab.run_job(job.directory)")


def lost_jobs(executor: Executor, params: Any) -> None:
    """A job whose process dies comes back as lost; the others go on, and the same job can be run again."""
    with _started(executor, params) as (running, folder):
        job = _job(folder, "dies", DIES)
        [end] = _run(running, job)
        fix = "notice that the process is gone, and return JobEnd(job, 'lost', why)"
        require(end.state == "lost", f"a job whose process dies comes back as {end.state!r}", fix)
        (folder / "dies.py").write_text(FAILS)
        [end] = _run(running, job)
        require(end.state == "ended", f"run again it comes back as {end.state!r}", "replace the process that died")


def closing(executor: Executor, params: Any) -> None:
    """`close` waits for what runs or ends it, leaves no process behind, and can be called twice."""
    with _started(executor, params) as (running, folder):
        pid = folder / "pid"
        running.submit(_job(folder, "slow", SLOW.format(pid=str(pid))))
        deadline = time.monotonic() + SECONDS
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        require(pid.exists(), f"a job has not begun after {SECONDS:.0f} s", "start the job in submit()")
        running.close()
        number = int(pid.read_text() or 0)
        left = number not in (0, os.getpid()) and _lives(number)
        require(not left, "the process of a job lives on after close()", "end and join every process in close()")
        running.close()


CHECKS = (jobs_come_back, lost_jobs, closing)


@contextlib.contextmanager
def _started(executor: Executor, params: Any) -> Iterator[tuple[TrialExecutor, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        running: TrialExecutor = executor.build(params)
        try:
            yield running, Path(folder)
        finally:
            running.close()


def _job(folder: Path, name: str, source: str) -> Job:
    """Write a job whose plugin runs some code when it is loaded, before anything is trained."""
    plugin, directory = folder / f"{name}.py", folder / name
    plugin.write_text(source)
    directory.mkdir()
    write_json(directory / JOB_FILE, {"registry": {"plugins": [str(plugin)], "start": str(folder)}})
    return Job(name, directory)


def _run(running: TrialExecutor, job: Job) -> list[JobEnd]:
    """Run one job, and return what comes back."""
    running.submit(job)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ends = running.wait(0.2)
        if ends:
            return ends
    raise BrokenError(f"a job has not come back after {SECONDS:.0f} s", "return each job that ended from wait()")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
