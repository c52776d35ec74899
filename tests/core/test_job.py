"""Jobs: what a training leaves behind, whatever happens to it."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch

from genrelab import __version__
from genrelab.data.clips import Clips
from genrelab.errors import WorkError
from genrelab.plugins.registry import Registry
from genrelab.training import job as jobs
from genrelab.training.job import run_job
from tests.conftest import TOY

Write = Callable[..., Path]
MEASURED = ("seconds", "earlier_seconds", "epoch_seconds", "judging_seconds", "clips_per_second", "peak_memory")


class MemoryStore:
    """Stands for a feature store: rows in memory."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.shape = rows, rows.shape[1:]

    def views(self, index: np.ndarray) -> Iterator[np.ndarray]:
        yield from self.rows[index]


@pytest.fixture(autouse=True)
def clips(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    x = (random.standard_normal((60, 4, 6)) + labels[:, None, None]).astype(np.float16)
    subsets = ["train"] * 36 + ["validation"] * 12 + ["test"] * 12
    store: Any = MemoryStore(x)
    made = Clips(store, np.arange(60), labels, subsets, ("a", "b", "c"), None, torch.device("cpu"))
    monkeypatch.setattr(jobs, "load_clips", lambda *_: made)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a job of the toy model."""

    def write(name: str = "job", fault: str = "none", augment: Any = (), **train: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        recipe = {
            "feature": {"name": "spectrum"},
            "model": {"name": "linear", "fault": fault},
            "augment": list(augment),
            "scheduler": [],
            "train": {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, **train},
        }
        job = {
            "name": name, "recipe": recipe, "audio": {"sample_rate": 8000, "seconds": 1.0}, "seed": 3,
            "device": "cpu", "tracks": "", "feature": "", "test": True,
            "registry": Registry.discover([TOY / "toy.py"]).recreate(),
        }  # fmt: skip
        (folder / "job.json").write_text(json.dumps(job))
        return folder

    return write


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return {k: v for k, v in found.items() if k not in MEASURED}


def test_weights_say_in_their_header_how_to_build_the_model_and_its_input(write: Write) -> None:
    folder = write()
    run_job(folder)
    with safetensors.safe_open(folder / "best.safetensors", "pt") as file:
        header = {name: json.loads(text) for name, text in file.metadata().items()}
    assert header["genrelab"] == __version__
    assert header["classes"] == ["a", "b", "c"]
    assert header["shape"] == [4, 6]
    assert header["audio"]["sample_rate"] == 8000
    assert header["recipe"]["model"]["width"] == 8  # the default, resolved
    assert header["recipe"]["feature"]["n_fft"] == 256


def test_a_result_holds_what_the_model_costs(write: Write) -> None:
    folder = write()
    run_job(folder)
    found = json.loads((folder / "result.json").read_text())
    assert found["multiply_adds"] == 4 * 8 + 8 * 3  # of the toy model: two linear layers
    assert found["clips_per_second"] > 24 / found["seconds"]  # 24 clips are judged, in a part of the time
    assert 50e6 < found["peak_memory"] < 50e9


def test_a_training_that_diverges_has_a_status_of_its_own(write: Write) -> None:
    folder = write(fault="diverges")
    run_job(folder)
    found = result(folder)
    assert found["status"] == "diverged"
    assert found["message"] == "the training loss is nan in epoch 1; a lower learning rate may help"


def test_a_time_limit_keeps_the_best_epoch_so_far_and_says_so(write: Write) -> None:
    folder = write(fault="slow", epochs=50, patience=0, time_limit=1.2)  # an epoch takes 0.35 s and more
    run_job(folder)
    found = result(folder)
    assert found["status"] == "completed"
    assert 1 <= found["epochs"] < 6
    assert found["message"] == f"train.time_limit of 1.2 s reached after {found['epochs']} epochs"
    assert "test" in found["metrics"]


def test_a_time_limit_before_the_first_epoch_is_a_failure(write: Write) -> None:
    folder = write(time_limit=1e-9)
    run_job(folder)
    assert result(folder) == {
        "status": "failed",
        "message": "train.time_limit of 1e-09 s is over before the first epoch",
    }


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_names_batch_size_and_shape(
    write: Write, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(jobs, "train", fail)
    folder = write(micro_batch=2)
    run_job(folder)
    assert result(folder) == {
        "status": "failed",
        "message": "out of memory on cpu with 2 clips of 4 x 6 at once (batch_size 8); set train.micro_batch below "
        "that, or use a smaller model",
    }


def test_augmentations_that_mix_labels_reach_the_training(write: Write) -> None:
    plain, mixed = write("plain"), write("mixed", augment=[{"name": "mixup"}, {"name": "cutmix"}])
    for folder in (plain, mixed):
        run_job(folder)
    assert result(mixed)["status"] == "completed"
    losses = [json.loads((f / "metrics.jsonl").read_text().splitlines()[0])["train"] for f in (plain, mixed)]
    assert losses[0] != losses[1]


@pytest.fixture
def termination() -> Iterator[list[int]]:
    """Count SIGTERM instead of ending."""
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    yield seen
    signal.signal(signal.SIGTERM, before)


def terminate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a job that is told to end within its second epoch, which has 5 steps."""
    step, calls = torch.nn.functional.cross_entropy, []

    def cross_entropy(*arguments: Any, **named: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGTERM)
        found: torch.Tensor = step(*arguments, **named)
        return found

    with monkeypatch.context() as patch:
        patch.setattr("torch.nn.functional.cross_entropy", cross_entropy)
        run_job(folder)


def test_a_terminated_job_leaves_a_checkpoint_and_no_result_and_goes_on(
    write: Write, monkeypatch: pytest.MonkeyPatch, termination: list[int]
) -> None:
    undisturbed, folder = write("undisturbed"), write("terminated")
    run_job(undisturbed)
    terminate(folder, monkeypatch)
    assert termination == [signal.SIGTERM]  # its usual course, afterwards
    assert not (folder / "result.json").exists()
    progress = torch.load(folder / "checkpoint.pt", weights_only=True)["progress"]
    assert (len(progress["history"]), progress["epoch"]["steps"]) == (1, 3)
    run_job(folder)
    assert result(folder) == result(undisturbed)


@pytest.mark.usefixtures("termination")
@pytest.mark.parametrize("fails", [False, True])
def test_the_seconds_of_a_training_are_those_of_all_its_sessions(
    write: Write, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    folder = write(epochs=2)
    terminate(folder, monkeypatch)
    checkpoint = torch.load(folder / "checkpoint.pt", weights_only=True)
    checkpoint["progress"]["history"][0]["seconds"] = 10_000.0
    checkpoint["progress"]["epoch"]["seconds"] = 500.0
    torch.save(checkpoint, folder / "checkpoint.pt")

    def fail(*_: Any, test: bool) -> None:
        raise WorkError("no weights")

    if fails:
        monkeypatch.setattr(jobs, "judge", fail)
    run_job(folder)
    found = json.loads((folder / "result.json").read_text())
    assert found["status"] == ("failed" if fails else "completed")
    assert found["earlier_seconds"] == 10_500
    assert 10_500 < found["seconds"] < 10_600


def test_a_full_disk_gives_one_line_and_no_result_and_the_job_goes_on(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, folder = write("undisturbed"), write("full")
    run_job(undisturbed)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(WorkError) as caught:
            run_job(folder)
    file = folder / "best.safetensors"
    assert str(caught.value) == f"{file}: No space left on device; the same command goes on when there is space"
    assert sorted(p.name for p in folder.iterdir()) == ["job.json"]
    run_job(folder)
    assert result(folder) == result(undisturbed)
