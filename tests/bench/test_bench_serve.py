"""What serving an epoch costs, against an HDF5 file that is opened for each item.

pytest tests/bench/test_bench_serve.py --benchmark-only -s
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from genrelab.data.clips import Clips, Window
from genrelab.data.store import FeatureStore
from genrelab.data.store_writer import StoreWriter
from genrelab_plugins.augmentations import spec_mask

COUNT, BATCH, BINS, TURNS = 256, 32, 128, 5


class Items(Dataset):
    """The usual way: each item opens the file, reads one clip and masks it."""

    def __init__(self, file: Path) -> None:
        self.file, self.augment = file, spec_mask.build(spec_mask.Params()).train()

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with h5py.File(self.file, "r") as opened:
            x = torch.from_numpy(opened[str(index)][:])
        return self.augment(x[None])[0], index % 8


def write(folder: Path, frames: int) -> tuple[FeatureStore, Path]:
    """Write clips like log-mel spectrograms, 0..1, to a store and to an HDF5 file (lzf)."""
    rng = np.random.default_rng(0)
    with StoreWriter(folder / "store", (BINS, frames), {}) as writer, h5py.File(folder / "clips.h5", "w") as file:
        for i in range(COUNT):
            steps = rng.normal(0, 0.02, (BINS, frames)).cumsum(1)
            clip = np.clip(0.5 + steps - steps.mean(1, keepdims=True), 0, 1).astype(np.float16)
            writer.add(i.to_bytes(16, "big"), clip)
            file.create_dataset(str(i), data=clip.astype(np.float32), compression="lzf")
    return FeatureStore(folder / "store"), folder / "clips.h5"


@pytest.mark.parametrize("frames", [1292, 130])
def test_serving_is_ten_times_as_fast_as_opening_a_file_for_each_item(benchmark, tmp_path, frames):
    torch.set_num_threads(1)
    store, file = write(tmp_path, frames)
    subsets, labels = ["train"] * COUNT, np.arange(COUNT) % 8
    device = torch.device("cpu")
    clips = Clips(store, np.arange(COUNT), labels, subsets, [str(i) for i in range(8)], None, device)
    windows = Window(frames // 4, frames // 4)
    short = Clips(store, np.arange(COUNT), labels, subsets, clips.classes, None, device, windows)
    augment = spec_mask.build(spec_mask.Params()).train()
    loader = DataLoader(Items(file), BATCH, shuffle=True)

    def usual() -> None:
        for x, _ in loader:
            assert x.shape[1:] == clips.shape

    def served(source: Clips, change: nn.Module) -> None:
        order = np.random.default_rng(0).permutation(COUNT)
        starts = source.random_starts(COUNT, torch.Generator())
        for x, _ in source.batches("train", BATCH, order, starts):
            assert change(x).shape[1:] == source.shape

    sides: dict[str, Callable[[], None]] = {
        "HDF5": usual,
        "store": partial(served, clips, augment),
        "store, unchanged": partial(served, clips, nn.Identity()),
        "store, windows": partial(served, short, augment),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _, (name, side) in itertools.product(range(TURNS), sides.items()):
        started = time.process_time()
        side()
        times[name].append(1e3 * (time.process_time() - started) / COUNT)
    best = {name: min(taken) for name, taken in times.items()}
    ratio = best["HDF5"] / best["store"]
    print(f"\n{frames} frames, ms a clip: " + ", ".join(f"{name} {ms:.3f}" for name, ms in best.items()))
    print(f"serving is {ratio:.1f} x as fast as opening an HDF5 file for each item")
    benchmark.extra_info["ratio"] = ratio
    benchmark.pedantic(sides["store"], rounds=3)
    assert ratio >= 10
