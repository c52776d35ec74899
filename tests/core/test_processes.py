"""A training that several processes share comes to what one process comes to."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import distributed, nn

from genrelab.training.batch_norm import SharedBatchNorm, share_batch_norm
from genrelab.training.job import run_job
from genrelab.training.processes import ALONE, Processes
from tests.conftest import TOY, Command

CPU = torch.device("cpu")

# Everything that could differ: BatchNorm, mixed clips, averaged weights, clipped gradients, balanced draws, a last
# batch of one clip for two processes. Dropout alone is drawn by each process for itself. Not Adam: biases that
# BatchNorm takes out again have rounding errors for gradients, and Adam makes steps of these.
EXPERIMENT = """
name = "shared"
reporter = []

[dataset]
name = "tones"

[audio]
sample_rate = 8000
seconds = 1.0

[feature]
name = "spectrum"
n_fft = 128

[model]
name = "cnn2d_gru"
hidden_dim = 4
num_layers = 1
dropout = 0.0

[[augment]]
name = "spec_mask"
probability = 0.5

[[augment]]
name = "mixup"
probability = 0.5

[[scheduler]]
name = "cosine"

[train]
epochs = 3
optimizer = "sgd"
learning_rate = 0.02
batch_size = 9
sampling = "balanced"
clip_norm = 0.5
ema_decay = 0.8
checkpoint_minutes = 1e-9

[final]
seeds = [1]

[[candidate]]
name = "only"
"""


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def final(folder: Path) -> Path:
    return folder / "runs/shared/candidates/only/final/seed-1"


def flat(values: Any) -> list[float]:
    """The numbers of a result, in order, but those that are measured."""
    if isinstance(values, dict):
        kept = {
            k: v for k, v in values.items() if "second" not in k and k not in ("time", "peak_memory", "message")
        }
        return [number for value in kept.values() for number in flat(value)]
    if isinstance(values, list):
        return [number for value in values for number in flat(value)]
    return [float(values)] if isinstance(values, int | float) else []


def numbers(folder: Path) -> tuple[list[float], list[float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    weights = safetensors.numpy.load_file(folder / "best.safetensors")
    result = json.loads((folder / "result.json").read_text())
    return flat([lines, result]), [float(v) for name in sorted(weights) for v in weights[name].flat]


def command(processes: int, *more: str) -> list[str]:
    values = ["executor.workers=1", f"executor.processes={processes}", "device=cpu", *more]
    return ["run", "shared.toml", *[argument for value in values for argument in ("--set", value)]]


def prepare(folder: Path) -> None:
    (folder / "shared.toml").write_text(EXPERIMENT)
    for file in TOY.glob("toy.*"):
        shutil.copy(file, folder)
    kinds = {"datasets": "tones", "features": "spectrum", "models": "linear"}
    (folder / "registry.toml").write_text("".join(f'[{k}]\n{n} = "./toy.py"\n' for k, n in kinds.items()))


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    prepare(tmp_path)
    return tmp_path


def test_two_processes_come_to_the_result_of_one_within_a_ten_thousandth(shared: Path, genrelab: Command) -> None:
    done = genrelab(*command(2), timeout=300)
    assert done.returncode == 0, done.stderr
    two, one = final(shared), final(shared).with_name("alone")
    one.mkdir()
    shutil.copy(two / "job.json", one)
    run_job(one)  # in this process
    assert sorted(p.name for p in two.iterdir()) == sorted(p.name for p in one.iterdir())
    metrics, weights = zip(numbers(one), numbers(two), strict=True)
    assert len(metrics[0]) > 30
    np.testing.assert_allclose(metrics[1], metrics[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(weights[1], weights[0], rtol=1e-4, atol=1e-4)


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "genrelab.cli", *command(2, "train.epochs=40", "train.patience=0", *more)]
    return subprocess.Popen(arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that these have."""
    try:
        children = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return children + [p for child in children for p in descendants(child)]


def wait_until(reached: Callable[[], object], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[float], list[float]]:
    """What a shared training comes to that nobody stops."""
    folder = tmp_path_factory.mktemp("undisturbed")
    prepare(folder)
    with start(folder) as process:
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    return numbers(final(folder))


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_shared_training_that_is_stopped_leaves_no_process_and_goes_on(
    shared: Path, genrelab: Command, undisturbed: Any, sent: signal.Signals, code: int
) -> None:
    with start(shared) as process:
        wait_until(lambda: (final(shared) / "metrics.jsonl").is_file())
        started = descendants(process.pid)
        process.send_signal(sent)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert len(started) >= 3  # a worker and the two processes that share the training
    wait_until(lambda: not [p for p in started if Path(f"/proc/{p}").exists()], 20)
    before = len((final(shared) / "metrics.jsonl").read_text().splitlines())
    assert before < 40
    done = genrelab(*command(2, "train.epochs=40", "train.patience=0"), timeout=300)
    assert done.returncode == 0, done.stderr
    assert numbers(final(shared)) == undisturbed


@pytest.mark.slow
def test_the_process_that_fails_says_why_and_the_others_end(shared: Path, genrelab: Command) -> None:
    source = (shared / "toy.py").read_text()
    fault = 'if os.environ.get("RANK") == "1":\n                raise MemoryError\n            if params.fault'
    (shared / "toy.py").write_text(source.replace('if params.fault == "raises"', fault + ' == "raises"', 1))
    changed = EXPERIMENT.replace('name = "cnn2d_gru"\nhidden_dim = 4\nnum_layers = 1', 'name = "linear"')
    (shared / "shared.toml").write_text(changed)
    done = genrelab(*command(2), timeout=300)
    assert done.returncode == 1
    assert "out of memory on cpu with 9 clips of 65 x 251 at once (batch_size 9)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("clips", [1, 2, 7, 8])
def test_parts_of_a_batch_are_the_batch(clips: int) -> None:
    batch = torch.arange(clips)
    parts = [Processes(rank, 3).part(batch) for rank in range(3)]
    if clips < 3:
        assert all(torch.equal(part, batch) for part in parts)
    else:
        assert torch.equal(torch.cat(parts), batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert Processes(0, 3).clips_each(clips) == pytest.approx(np.mean([len(part) for part in parts]))


def test_a_process_alone_has_everything_for_itself() -> None:
    model, x = nn.Linear(2, 2), torch.arange(3)
    assert ALONE.share(model, CPU) is model
    assert torch.equal(ALONE.part(x), x)
    assert ALONE.sum(x) is x
    assert ALONE.least(1.0, 2.0) == [1.0, 2.0]
    assert Processes.joined() == ALONE


@pytest.mark.parametrize("settings", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}])
@pytest.mark.parametrize(("layer", "shape"), [(nn.BatchNorm1d, (5, 3)), (nn.BatchNorm2d, (5, 3, 4, 6))])
def test_batch_norm_over_processes_is_that_of_torch(group: None, settings: Any, layer: Any, shape: Any) -> None:
    plain = nn.Sequential(nn.Linear(shape[-1], shape[-1]), layer(3, **settings))
    ours = copy.deepcopy(plain)
    share_batch_norm(ours, CPU)
    assert isinstance(ours[1], SharedBatchNorm)
    for number in range(3):
        x = 10 + torch.randn(shape, generator=torch.Generator().manual_seed(number))
        torch.testing.assert_close(ours(x), plain(x))
        for model in (ours, plain):
            model.zero_grad()
            model(x).pow(3).sum().backward()
        for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(ours.state_dict(), plain.state_dict())
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x))
