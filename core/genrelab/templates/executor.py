"""Each training in a new process of this machine: this line is what `genrelab list` shows."""

import contextlib
import subprocess
import sys
import time

import attrs
from genrelab import Executor, Job, JobEnd, hookimpl, setting


@attrs.frozen
class Params:
    slots: int = setting(1, low=1, high=64, help="trainings at once")


class MyExecutor:
    def __init__(self, params: Params) -> None:
        self.slots, self.running = params.slots, dict[Job, subprocess.Popen[bytes]]()  # never more than slots run

    def submit(self, job: Job) -> None:  # a job is a folder: whatever machine sees it can run it
        code = f"import pathlib, genrelab; genrelab.run_job(pathlib.Path({str(job.directory)!r}))"
        self.running[job] = subprocess.Popen([sys.executable, "-c", code])

    def wait(self, seconds: float) -> list[JobEnd]:  # a training that fails has ended; one that dies is lost
        time.sleep(seconds)
        over = [job for job, process in self.running.items() if process.poll() is not None]
        return [JobEnd(job, "lost" if self.running.pop(job).returncode else "ended") for job in over]

    def close(self) -> None:
        for process in self.running.values():
            process.terminate()  # lets a training write a checkpoint after the step it is at
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()


@hookimpl
def provide_executors() -> list[Executor]:
    return [Executor("my_executor", Params, MyExecutor)]
