"""What training costs beside the model: an epoch of ours against a bare loop, validation, optimizer, augmentation.

pytest tests/bench/test_bench_train.py --benchmark-only -s

Both sides are taken in turns, in CPU time, and the best of each counts, so that a busy machine does not decide.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train
from genrelab.data.clips import Clips
from genrelab.data.store import FeatureStore
from genrelab.data.store_writer import StoreWriter
from genrelab.training.augment import Chain
from genrelab.training.evaluate import evaluate
from genrelab.training.optimizers import make_optimizer
from genrelab.training.train import train
from genrelab_plugins.augmentations import spec_mask
from genrelab_plugins.models import cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm

BATCH, CLASSES, BINS = 16, 12, 128
TRAINING = {130: 512, 1292: 64}  # clips, by frames
VALIDATION = 64


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def make_clips(tmp_path: Path) -> Callable[[int], Clips]:
    def make(frames: int) -> Clips:
        count, shape = TRAINING[frames] + VALIDATION, (BINS, frames)
        rng = np.random.default_rng(0)
        with StoreWriter(tmp_path / "store", shape, {}) as writer:
            for i in range(count):
                writer.add(i.to_bytes(16, "big"), rng.random(shape).astype(np.float16))
        subsets = ["train"] * TRAINING[frames] + ["validation"] * VALIDATION
        labels, names = rng.integers(0, CLASSES, count), [str(i) for i in range(CLASSES)]
        store = FeatureStore(tmp_path / "store")
        return Clips(store, np.arange(count), labels, subsets, names, None, torch.device("cpu"))

    return make


def make(plugin, hidden_dim, frames):
    torch.manual_seed(0)
    return plugin.build(plugin.Params(hidden_dim=hidden_dim), (BINS, frames), CLASSES)


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU time of a call, that of processes which it starts and ends included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.process_time()
    call()
    spent = time.process_time() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent + after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime


def compare(benchmark, what: str, turns: int, base: Callable[[], object], ours: Callable[[], object]) -> float:
    """Return how many times what the base costs ours does."""
    pairs = [(cpu_seconds(base), cpu_seconds(ours)) for _ in range(turns)]
    least = [min(side) for side in zip(*pairs, strict=True)]
    ratio = least[1] / least[0]
    benchmark.extra_info["ratio"] = ratio
    benchmark.pedantic(ours, rounds=1)
    print(f"\n{what}: {1e3 * least[0]:.0f} ms, ours {1e3 * least[1]:.0f} ms: {ratio:.3f} times")
    return ratio


def bare_epoch(model, data) -> None:
    """The least a training can do: batches of tensors in memory, a step each, and the validation loss."""
    (x, y), (vx, vy) = data
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    model.train()
    for index in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x[index]), y[index]).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        float(F.cross_entropy(torch.cat([model(x) for x in vx.split(BATCH)]), vy))


def our_epoch(model, clips, folder) -> None:
    """An epoch with everything that comes with it: gather, scores, history, weights and checkpoint on disk."""
    settings = attrs.evolve(Train(), epochs=1, batch_size=BATCH)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    optimizer = make_optimizer(model, settings)
    train(
        model, Chain([]), optimizer, [], clips, settings, seed=0, directory=folder, on_epoch=lambda record: None
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plugin", "hidden_dim", "frames", "limit"),
    [(cnn1d_gru, 64, 130, 1.05), (cnn2d_gru, 8, 130, 1.05), (cnn1d_gru, 32, 1292, 1.05), (cnn1d_gru, 8, 130, 1.10)],
    ids=["cnn1d_gru-130", "cnn2d_gru-130", "cnn1d_gru-1292", "tiny-130"],
)
def test_the_loop_costs_little_beside_the_model(benchmark, make_clips, tmp_path, plugin, hidden_dim, frames, limit):
    clips = make_clips(frames)
    data = [next(clips.batches(s, 10_000)) for s in ("train", "validation")]
    ratio = compare(
        benchmark,
        "bare loop",
        4,
        lambda: bare_epoch(make(plugin, hidden_dim, frames), data),
        lambda: our_epoch(make(plugin, hidden_dim, frames), clips, tmp_path),
    )
    assert ratio < limit


def test_validation_costs_little_beside_its_forward_pass(benchmark, make_clips):
    clips, model = make_clips(130), make(cnn1d_gru, 64, 130).eval()
    x, _ = next(clips.batches("train", 10_000))

    def forward() -> None:
        with torch.inference_mode():
            for part in x.split(BATCH):
                model(part)

    ratio = compare(benchmark, "forward pass", 5, forward, lambda: evaluate(model, clips, "train", BATCH))
    assert ratio < 1.05


@pytest.mark.parametrize("plugin", [cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm], ids=lambda p: p.__name__[-10:])
def test_a_fused_optimizer_costs_less_than_a_plain_one(benchmark, plugin):
    model = make(plugin, 64, 130)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    plain = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=False, foreach=False)
    fused = make_optimizer(model, Train())

    def steps(optimizer: torch.optim.Optimizer) -> None:
        for _ in range(10):
            optimizer.step()

    ratio = compare(benchmark, "10 steps of plain Adam", 5, lambda: steps(plain), lambda: steps(fused))
    assert ratio < 1


class UsualDataset(torch.utils.data.Dataset):
    """The usual way: a file opened for each item, and the item augmented in Python."""

    def __init__(self, file: Path, count: int) -> None:
        self.file, self.count = file, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int):
        import h5py

        with h5py.File(self.file) as file:
            x, y = file["x"][index].astype(np.float32), int(file["y"][index])
        lowest, random = x.min(), np.random.default_rng()
        for axis, widest in ((0, 10), (1, 20)):
            for _ in range(2):
                width = random.integers(0, widest + 1)
                start = random.integers(0, x.shape[axis] - width + 1)
                x[(slice(None),) * axis + (slice(start, start + width),)] = lowest
        return torch.from_numpy(x), y


@pytest.mark.parametrize("frames", [130, 1292])
def test_batches_with_augmentation_cost_a_fraction_of_the_usual_way(benchmark, make_clips, tmp_path, frames):
    h5py = pytest.importorskip("h5py")
    clips, component = make_clips(frames), spec_mask.provide_augmentations()[0]
    x, y = next(clips.batches("train", 10_000))
    with h5py.File(tmp_path / "usual.h5", "w") as file:
        file.create_dataset("x", data=x.numpy().astype(np.float16))
        file.create_dataset("y", data=y.numpy())
    chain = Chain([(component.build(component.params()), 1.0)])
    usual = UsualDataset(tmp_path / "usual.h5", len(y))
    rounds = 1 if frames == 130 else 4

    def usual_epoch() -> None:
        for _ in range(rounds):
            loader = torch.utils.data.DataLoader(usual, BATCH, shuffle=True, num_workers=2)
            for _batch in loader:
                pass

    def our_batches() -> None:
        for _ in range(rounds):
            order = torch.randperm(len(y)).numpy()
            for part, labels in clips.batches("train", BATCH, order):
                chain(part, F.one_hot(labels, CLASSES).float())

    ratio = compare(benchmark, f"usual way, {frames} frames", 3, usual_epoch, our_batches)
    assert ratio < 0.5
