"""Run a job: one training described by ``job.json`` in a folder, whose result is written beside it.

This is all that an executor has to call, in whatever process on whatever machine.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import nn

from genrelab import __version__
from genrelab.awake import ticking
from genrelab.config.choices import structure, tables
from genrelab.config.experiment import Audio, Recipe
from genrelab.config.search import Settings
from genrelab.data.clips import Clips
from genrelab.data.prepare import load_clips
from genrelab.errors import DamagedError, GenrelabError, WorkError
from genrelab.files import append_line, how_to_go_on, is_refusal, read_json, write_json
from genrelab.interrupts import Postponed
from genrelab.jobs import JOB_FILE, METRICS, RESULT, TRACEBACK
from genrelab.plugins.registry import Registry
from genrelab.texts import brief
from genrelab.training.build import build_augmentation, build_model, build_optimizer
from genrelab.training.costs import PeakMemory, multiply_adds
from genrelab.training.device import give_memory_back, keep_memory, resolve, use_one_thread
from genrelab.training.judge import judge
from genrelab.training.precision import compile_model
from genrelab.training.processes import Processes
from genrelab.training.seeds import derive
from genrelab.training.stop import Stop
from genrelab.training.train import DivergedError, Fit, train


@attrs.frozen
class JobFile:
    """What ``job.json`` holds."""

    name: str
    recipe: Recipe
    audio: Audio
    seed: int
    """From which every random stream of this training is derived."""
    device: str
    tracks: str
    """tracks.csv of the study, relative to the job's folder."""
    feature: str
    """The prepared feature, relative to the job's folder."""
    test: bool
    """Whether the best weights are tested; only final runs are."""
    settings: Settings = attrs.field(factory=dict)
    """What the search has chosen; it is in the recipe, and here for people."""
    stop: Stop | None = None
    """When to end early, for a trial of a search that has such a rule."""


@attrs.define
class _Session:
    """What one process does of a training; a training that is interrupted has several."""

    interrupted: Callable[[], bool]
    """Asked after every step whether to stop."""
    processes: Processes
    """That share the training."""
    clock: Callable[[], float]
    """Counts the seconds of this session."""
    earlier_seconds: float = 0.0
    """That sessions before this one have trained, as far as the checkpoint knows."""

    def resume(self, seconds: float) -> None:
        """Note what the checkpoint knows."""
        self.earlier_seconds = seconds


def run_job(directory: Path) -> None:
    """Train as ``job.json`` says, or go on from the checkpoint; write ``result.json`` when it has ended.

    A failure of the training is a result too: status ``failed`` or ``diverged`` with a message, and the traceback
    of what nobody expected in ``traceback.txt``. SIGTERM and Ctrl-C take their usual course after the step under
    way, with a checkpoint and no result; so the same job goes on from there.

    Called in all processes of torch's process group, where there is one, it trains in all of them together. Where
    one fails it ends with exit code 1, upon which whoever has started them ends the others.

    Raises:
        WorkError: the machine can write no more, or what the study keeps for its trainings is damaged; there is no
            result, and the same job goes on when that is mended.
    """
    use_one_thread()
    keep_memory()
    give_memory_back()  # that of a job before
    processes = Processes.joined()
    try:
        with Postponed() as signals, ticking() as clock:
            session = _Session(signals.requested, processes, clock)
            result = _result(directory, session)
            if result is not None:
                result["earlier_seconds"] = session.earlier_seconds
                result["seconds"] = session.earlier_seconds + clock()
                _write_result(directory, result, processes)
    except DamagedError as error:
        raise WorkError(str(error)) from error
    except OSError as error:
        if not is_refusal(error):
            raise
        error.filename = error.filename or str(directory)
        raise WorkError(how_to_go_on(error)) from error


def _write_result(directory: Path, result: dict[str, Any], processes: Processes) -> None:
    """Write a result in the first process, but that of a failure in the one that has failed before the others."""
    if processes.main and not (directory / RESULT).exists():
        write_json(directory / RESULT, result)
    if processes.size == 1 or result["status"] != "failed":
        return
    if not (directory / RESULT).exists():
        own = directory / f"result-{processes.rank}.json"
        write_json(own, result)
        own.replace(directory / RESULT)
    sys.exit(1)


def _result(directory: Path, session: _Session) -> dict[str, Any] | None:
    """Train; return what has come of it, None where the training was interrupted."""
    try:
        found = _run(directory, session)
    except DivergedError as error:
        return {"status": "diverged", "message": str(error)}
    except DamagedError:
        raise
    except GenrelabError as error:
        return {"status": "failed", "message": str(error)}
    except Exception as error:
        if is_refusal(error):
            raise
        if not (directory / RESULT).exists():  # else another process has failed before, and this one for that
            (directory / TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
        return {"status": "failed", "message": brief(error)}
    return found


def _run(directory: Path, session: _Session) -> dict[str, Any] | None:
    job, registry = read_job(directory)
    device = resolve(job.device)
    memory = PeakMemory(device)
    clips, model = open_job(directory, job, registry, device)
    try:
        counted = multiply_adds(model, clips.shape, device)  # before the training, lest that is lost where it fails
        fit = _fit(directory, job, registry, clips, model, session)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise WorkError(_out_of_memory(job, clips)) from error
    if fit.end == "interrupted":
        return None
    if not fit.best_epoch:
        raise WorkError(f"train.time_limit of {job.recipe.train.time_limit:g} s is over before the first epoch")
    settings = job.recipe.train
    found = judge(directory, model, clips, settings, fit, session.processes, session.clock, test=job.test)
    return {**found, "multiply_adds": counted, "peak_memory": memory.read()}


def read_job(directory: Path, registry: Registry | None = None) -> tuple[JobFile, Registry]:
    """Read ``job.json``; return it with what resolves its components.

    Args:
        directory: of the job.
        registry: resolves them; None for one like that of the study, whose plugin files are then executed.
    """
    raw = read_json(directory / JOB_FILE)
    if registry is None:
        registry = Registry.discover([Path(p) for p in raw["registry"]["plugins"]], Path(raw["registry"]["start"]))
    return structure({k: v for k, v in raw.items() if k != "registry"}, JobFile, registry, str(directory)), registry


def open_job(directory: Path, job: JobFile, registry: Registry, device: torch.device) -> tuple[Clips, nn.Module]:
    """Return the clips of a job's study and its model as it is before training, both on a device."""
    clips = load_clips(directory / job.tracks, directory / job.feature, device)
    torch.manual_seed(derive(job.seed, "init"))
    return clips, build_model(job.recipe, registry, clips.shape, len(clips.classes)).to(device)


def _fit(
    directory: Path, job: JobFile, registry: Registry, clips: Clips, model: nn.Module, session: _Session
) -> Fit:
    """Train the model of a job."""
    recipe, settings, processes = job.recipe, job.recipe.train, session.processes
    optimizer, schedules = build_optimizer(recipe, registry, model, clips)
    if settings.compile:
        compile_model(model, clips.shape, clips.device)
    if processes.main:
        (directory / METRICS).unlink(missing_ok=True)  # what the checkpoint knows is written again
    return train(
        model,
        build_augmentation(recipe, registry, job.audio.sample_rate, clips).to(clips.device),
        optimizer,
        schedules,
        clips,
        settings,
        seed=job.seed,
        directory=directory,
        on_epoch=lambda record: append_line(directory / METRICS, record) if processes.main else None,
        on_resume=session.resume,
        interrupted=session.interrupted,
        hopeless=job.stop.is_due if job.stop else lambda _: False,
        metadata=_header(job, clips),
        processes=processes,
        clock=session.clock,
    )


def _header(job: JobFile, clips: Clips) -> dict[str, str]:
    """Return what weights carry with them, as JSON texts: enough to build the model and its input again."""
    values = {
        "genrelab": __version__,
        "recipe": tables(job.recipe),
        "audio": tables(job.audio),
        "classes": clips.classes,
        "shape": clips.shape,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def _is_out_of_memory(error: BaseException) -> bool:
    # The allocator of the CPU has no error class of its own.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _out_of_memory(job: JobFile, clips: Clips) -> str:
    settings, (bins, frames) = job.recipe.train, clips.shape
    return (
        f"out of memory on {clips.device} with {settings.clips_at_once} clips of {bins} x {frames} at once "
        f"(batch_size {settings.batch_size}); set train.micro_batch below that, or use a smaller model"
    )
