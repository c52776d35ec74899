"""What training costs beside the model: an epoch of ours against a bare loop, validation, optimizer, augmentation.

pytest tests/bench/test_bench_train.py --benchmark-only -s

Both sides are taken in turns, in CPU time, and the best of each counts, so that a busy machine does not decide.
"""

from __future__ import annotations

import itertools
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
from genrelab.training.device import keep_memory
from genrelab.training.evaluate import evaluate
from genrelab.training.losses import make_loss
from genrelab.training.optimizers import make_optimizer
from genrelab.training.precision import Precision
from genrelab.training.step import Step
from genrelab.training.train import train
from genrelab_plugins.augmentations import amplitude_scale, frequency_shift, spec_mask, spec_noise, time_shift
from genrelab_plugins.models import cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm

BATCH, CLASSES, BINS = 16, 12, 128
TRAINING = {130: 512, 1292: 64}  # clips, by frames
VALIDATION = 64
EPOCH = 512  # clips, where workers are started for it


@pytest.fixture(autouse=True)
def _as_in_a_job():
    torch.set_num_threads(1)
    keep_memory()


@pytest.fixture
def make_clips(tmp_path: Path) -> Callable[..., Clips]:
    def make(frames: int, training: int = 0) -> Clips:
        training = training or TRAINING[frames]
        count, shape = training + VALIDATION, (BINS, frames)
        rng = np.random.default_rng(0)
        with StoreWriter(tmp_path / "store", shape, {}) as writer:
            for i in range(count):
                writer.add(i.to_bytes(16, "big"), rng.random(shape).astype(np.float16))
        subsets = ["train"] * training + ["validation"] * VALIDATION
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
    [
        (cnn1d_gru, 64, 130, 1.05),
        (cnn2d_gru, 8, 130, 1.05),
        (cnn1d_gru, 64, 1292, 1.02),
        (cnn1d_lstm, 64, 1292, 1.02),
        (cnn2d_gru, 8, 1292, 1.02),  # with 64 channels the model takes fifty times as long
        (cnn1d_gru, 8, 130, 1.10),
    ],
    ids=["cnn1d_gru-130", "cnn2d_gru-130", "cnn1d_gru-1292", "cnn1d_lstm-1292", "cnn2d_gru-1292", "tiny-130"],
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


# The study's chain: masks, amplitude, shift along time, noise, shift along frequency; 80 % of the clips see it.
STUDY = [(spec_mask, 0.5), (amplitude_scale, 0.5), (time_shift, 0.3), (spec_noise, 0.3), (frequency_shift, 0.3)]
REACHED = 0.8


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
        random = np.random.default_rng()
        return torch.from_numpy(augmented(x, random) if random.random() < REACHED else x), y


def augmented(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    bins, frames = x.shape
    if random.random() < 0.5:
        lowest = x.min()
        for axis, widest in ((0, 10), (1, 20)):
            for _ in range(2):
                width = random.integers(0, widest + 1)
                start = random.integers(0, x.shape[axis] - width + 1)
                x[(slice(None),) * axis + (slice(start, start + width),)] = lowest
    if random.random() < 0.5:
        x = x * np.float32(random.uniform(0.8, 1.2))
    if random.random() < 0.3:
        most = round(0.15 * frames)
        x = np.roll(x, random.integers(-most, most + 1), axis=1)
    if random.random() < 0.3:
        x = x + np.float32(0.003) * random.standard_normal(x.shape, np.float32)
    if random.random() < 0.3:
        places = np.arange(bins) - random.integers(-2, 3)
        x = np.where(((places >= 0) & (places < bins))[:, None], x[places.clip(0, bins - 1)], np.float32(0))
    return x


@pytest.fixture
def both(make_clips, tmp_path):
    """Return, for a number of frames, an epoch's batches in the usual way and in ours, both augmented."""
    h5py = pytest.importorskip("h5py")

    def make_both(frames: int):
        clips = make_clips(frames, EPOCH)
        x, y = next(clips.batches("train", 10_000))
        with h5py.File(tmp_path / "usual.h5", "w") as file:
            file.create_dataset("x", data=x.numpy().astype(np.float16))
            file.create_dataset("y", data=y.numpy())
        usual = UsualDataset(tmp_path / "usual.h5", len(y))
        chain = Chain([(plugin.build(plugin.Params()), p) for plugin, p in STUDY], REACHED)

        def usual_batches():
            for part, labels in torch.utils.data.DataLoader(usual, BATCH, shuffle=True, num_workers=2):
                yield part, F.one_hot(labels, CLASSES).float()

        def our_batches():
            for part, labels in clips.batches("train", BATCH, torch.randperm(len(y)).numpy()):
                yield chain(part, F.one_hot(labels, CLASSES).float())

        return usual_batches, our_batches

    return make_both


@pytest.mark.parametrize("frames", [130, 1292])
def test_batches_with_augmentation_cost_a_fraction_of_the_usual_way(benchmark, both, frames):
    usual, ours = both(frames)

    def epoch(batches) -> None:
        for _batch in batches():
            pass

    what = f"{EPOCH} clips in the usual way, {frames} frames"
    assert compare(benchmark, what, 3, lambda: epoch(usual), lambda: epoch(ours)) < 0.3


PARTS = {"read": 1.0} | {plugin.__name__.rpartition(".")[2]: REACHED * share for plugin, share in STUDY}


@pytest.mark.parametrize("part", [*PARTS, "numbers of randn"])
def test_what_a_batch_with_augmentation_costs_in_its_parts(benchmark, make_clips, part):
    """Each on as many clips of 16 as it changes on average; last the numbers of spec_noise, as torch draws them."""
    clips = make_clips(1292)
    x, _ = next(clips.batches("train", round(BATCH * PARTS.get(part, PARTS["spec_noise"]))))
    calls = {plugin.__name__.rpartition(".")[2]: plugin.build(plugin.Params()) for plugin, _ in STUDY}
    calls |= {"read": lambda _: next(clips.batches("train", BATCH)), "numbers of randn": torch.randn_like}
    benchmark.group = f"parts of a batch of {BATCH} clips of 1292 frames"
    benchmark.extra_info["clips"] = len(x)
    benchmark.pedantic(calls[part], (x,), rounds=200, warmup_rounds=5)


@pytest.mark.parametrize("frames", [130, 1292])
@pytest.mark.parametrize("plugin", [cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm], ids=lambda p: p.__name__[-10:])
def test_an_epoch_costs_no_more_than_the_usual_way(benchmark, both, plugin, frames):
    """Steps of an epoch; of the 2-D architectures only a few, for they take long."""
    usual, ours = both(frames)
    steps = 1 if "2d" in plugin.__name__ and frames > 1000 else 4
    model = make(plugin, 64, frames).train()
    optimizer = make_optimizer(model, Train())

    def epoch(batches) -> None:
        for part, labels in itertools.islice(batches(), steps):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(part), labels).backward()
            optimizer.step()

    what = f"{plugin.__name__[-10:]}, {frames} frames, {steps} steps in the usual way"
    assert compare(benchmark, what, 2, lambda: epoch(usual), lambda: epoch(ours)) < 1.1


@pytest.mark.parametrize("frames", [130, 1292])
@pytest.mark.parametrize("plugin", [cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm], ids=lambda p: p.__name__[-10:])
def test_how_long_an_epoch_takes(benchmark, make_clips, plugin, frames):
    """CPU time of a thread for 1000 clips to train on, with the study's augmentation, and 125 to validate.

    From what a few clips take: after a step to warm up two batches of each, small ones of long pictures.
    """
    clips, batch = make_clips(frames), 4 if "2d" in plugin.__name__ and frames > 1000 else BATCH
    settings = attrs.evolve(Train(), batch_size=batch)
    model, chain = make(plugin, 64, frames), Chain([(p.build(p.Params()), share) for p, share in STUDY], REACHED)
    precision, loss = Precision(settings, clips.device), make_loss(settings, torch.ones(CLASSES))
    step = Step(model, make_optimizer(model, settings), [], None, loss, precision, settings)

    def training(batches: int = 2) -> None:
        model.train()
        for x, y in itertools.islice(clips.batches("train", batch), batches):
            step(*chain(x, F.one_hot(y, CLASSES).float()))

    def validating() -> None:
        model.eval()
        with torch.inference_mode():
            for x in itertools.islice(clips.windows("validation", batch), 2):
                model(x)

    training(1)
    each = {call.__name__: cpu_seconds(call) / (2 * batch) for call in (training, validating)}
    seconds = 1000 * each["training"] + 125 * each["validating"]
    benchmark.extra_info |= {"seconds": seconds, "seconds_a_clip": each}
    benchmark.pedantic(validating, rounds=1)
    print(
        f"\n{plugin.__name__[-10:]}, {frames} frames: {seconds:.0f} s an epoch of 1000 + 125 clips "
        f"({1e3 * each['training']:.1f} ms a clip in training, {1e3 * each['validating']:.1f} in validation)"
    )
