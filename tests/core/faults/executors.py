"""Executors with one fault each, and one without."""

from __future__ import annotations

import os
from typing import Any

from genrelab import Executor, JobEnd, run_job
from tests.core.faults import Fault, Params


class Here:
    """An executor that runs jobs in this process, with a fault."""

    slots = 1

    def __init__(self, fault: str) -> None:
        self.fault, self.ends = fault, []  # type: ignore[var-annotated]
        self.children: list[int] = []

    def submit(self, job: Any) -> None:
        child = os.fork()
        if not child:
            try:
                run_job(job.directory)
            finally:
                os._exit(0)
        self.children.append(child)
        if self.fault == "leaves":
            return
        _, code = os.waitpid(child, 0)
        state = "lost" if code and self.fault != "blind" else "ended"
        self.ends += [JobEnd(job, state)] * (2 if self.fault == "twice" else 1)

    def wait(self, seconds: float) -> list[JobEnd]:
        ends, self.ends = self.ends, []
        return ends if self.fault != "none" or ends else None  # type: ignore[return-value]

    def close(self) -> None:
        pass


def executor(fault: str) -> Executor:
    return Executor("fault", Params, lambda params: Here(fault))


FAULTS: list[Fault] = [
    ("jobs_come_back", executor("twice"), "came back"),
    ("jobs_come_back", executor("none"), "wait() gives None"),
    ("lost_jobs", executor("blind"), "a job whose process dies comes back as 'ended'"),
    ("closing", executor("leaves"), "the process of a job lives on after close()"),
]
