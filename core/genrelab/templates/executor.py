"""Each training in a new process of this machine: this line is what `genrelab list` shows."""

import subprocess
import sys
import time

import attrs
from genrelab import Executor, Job, JobEnd, hookimpl, setting

RUN = "import sys, pathlib; from genrelab import run_job; run_job(pathlib.Path(sys.argv[1]))"


@attrs.frozen
class Params:
    slots: int = setting(1, low=1, high=64, help="trainings at once")


class MyExecutor:
    def __init__(self, params: Params) -> None:
        self.slots = params.slots  # never more jobs than this are under way
        self.running: dict[Job, subprocess.Popen[bytes]] = {}

    def submit(self, job: Job) -> None:  # a job is a folder: whatever machine sees it can run it
        self.running[job] = subprocess.Popen([sys.executable, "-c", RUN, str(job.directory)])

    def wait(self, seconds: float) -> list[JobEnd]:
        time.sleep(seconds)
        over = [job for job, process in self.running.items() if process.poll() is not None]
        # A training that fails has ended too, with a result.json; one whose process dies is lost, and run again.
        return [JobEnd(job, "lost" if self.running.pop(job).returncode else "ended") for job in over]

    def close(self) -> None:  # SIGTERM lets a training write a checkpoint after the step it is at
        for process in self.running.values():
            process.terminate()
            process.wait()


@hookimpl
def provide_executors() -> list[Executor]:
    return [Executor("my_executor", Params, MyExecutor)]
