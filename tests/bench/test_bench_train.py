"""What the training loop costs beside the model: an epoch of ours against a bare loop on tensors in memory.

pytest tests/bench/test_bench_train.py --benchmark-only -s
"""

from __future__ import annotations

import time
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
from genrelab.training.train import train
from genrelab_plugins.models import cnn1d_gru, cnn2d_gru

TRAINING, VALIDATION, BATCH, CLASSES = 1024, 128, 16, 12
SHAPE = (128, 130)
AT_MOST = 1.05
"""Times the bare loop."""


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    count = TRAINING + VALIDATION
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store", SHAPE, {}) as writer:
        for i in range(count):
            writer.add(i.to_bytes(16, "big"), rng.random(SHAPE).astype(np.float16))
    store = FeatureStore(tmp_path / "store")
    subsets = ["train"] * TRAINING + ["validation"] * VALIDATION
    names = [str(i) for i in range(CLASSES)]
    return Clips(
        store, np.arange(count), rng.integers(0, CLASSES, count), subsets, names, None, torch.device("cpu")
    )


def make(plugin, hidden_dim):
    torch.manual_seed(0)
    model = plugin.build(plugin.Params(hidden_dim=hidden_dim), SHAPE, CLASSES)
    return model, torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)


def bare_epoch(plugin, hidden_dim, data) -> float:
    """The least a training can do: batches of tensors in memory, a step each, and the validation loss."""
    (x, y), (vx, vy) = data
    model, optimizer = make(plugin, hidden_dim)
    started = time.process_time()
    model.train()
    for index in torch.randperm(TRAINING).split(BATCH):
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(x[index]), y[index]).backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        float(F.cross_entropy(torch.cat([model(x) for x in vx.split(BATCH)]), vy))
    return time.process_time() - started


def our_epoch(plugin, hidden_dim, clips, folder) -> float:
    """An epoch with everything that comes with it: gather, scores, history, weights and checkpoint on disk."""
    model, optimizer = make(plugin, hidden_dim)
    folder.mkdir()
    settings = attrs.evolve(Train(), epochs=1, batch_size=BATCH)
    started = time.process_time()
    train(
        model, Chain([]), optimizer, [], clips, settings, seed=0, directory=folder, on_epoch=lambda record: None
    )  # fmt: skip
    return time.process_time() - started


@pytest.mark.parametrize(
    ("plugin", "hidden_dim"), [(cnn1d_gru, 64), (cnn2d_gru, 8)], ids=["cnn1d_gru", "cnn2d_gru"]
)
def test_the_loop_costs_little_beside_the_model(benchmark, clips, tmp_path, plugin, hidden_dim):
    """Taken in turns, in CPU time, and the best of each, so that a busy machine does not decide."""
    torch.set_num_threads(1)
    data = [next(clips.batches(s, TRAINING)) for s in ("train", "validation")]
    bare, ours = [], []
    for turn in range(3):
        bare.append(bare_epoch(plugin, hidden_dim, data))
        ours.append(our_epoch(plugin, hidden_dim, clips, tmp_path / str(turn)))
    ratio = min(ours) / min(bare)
    benchmark.extra_info["ratio"] = ratio
    benchmark.pedantic(bare_epoch, (plugin, hidden_dim, data), rounds=1)
    print(f"\nbare loop {1e3 * min(bare):.0f} ms, ours {1e3 * min(ours):.0f} ms an epoch: {ratio:.3f} times")
    assert ratio < AT_MOST
