"""An executor that trains in the process of the study: for tests, to which processes cost seconds."""

from __future__ import annotations

import attrs

from genrelab import Executor, Job, JobEnd, hookimpl, run_job


@attrs.frozen
class Params:
    pass


@attrs.define
class Inline:
    slots: int = 1
    _ended: list[JobEnd] = attrs.field(factory=list)

    def submit(self, job: Job) -> None:
        run_job(job.directory)
        self._ended.append(JobEnd(job, "ended"))

    def wait(self, seconds: float) -> list[JobEnd]:
        ended, self._ended = self._ended, []
        return ended

    def close(self) -> None:
        pass


@hookimpl
def provide_executors() -> list[Executor]:
    return [Executor("inline", Params, lambda _: Inline())]
