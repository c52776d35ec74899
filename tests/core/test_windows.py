"""Windows: what a model sees of a clip while training, and how a clip is judged by all of them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Audio
from genrelab.data.clips import Clips, Window, batch_starts
from genrelab.training.evaluate import evaluate
from tests.conftest import Command

CLIPS, BINS, FRAMES = 9, 3, 20
DEVICE = torch.device("cpu")


class MemoryStore:
    """Stands for a feature store: rows in memory."""

    shape = BINS, FRAMES

    def __init__(self) -> None:
        self.values = np.random.default_rng(0).standard_normal((CLIPS, BINS, FRAMES)).astype(np.float16)

    def views(self, rows: np.ndarray, first: np.ndarray | None = None, frames: int = FRAMES) -> list[np.ndarray]:
        first = np.zeros(len(rows), int) if first is None else first
        return [self.values[r, :, f : f + frames] for r, f in zip(rows, first, strict=True)]


def make(window: Window | None) -> Clips:
    store: Any = MemoryStore()
    subsets = ["train", "validation", "train"] * 3
    return Clips(store, np.arange(CLIPS), np.arange(CLIPS) % 2, subsets, ("a", "b"), None, DEVICE, window)


def training_values() -> np.ndarray:
    return MemoryStore().values[[0, 2, 3, 5, 6, 8]].astype(np.float32)


@given(frames=st.integers(1, 500), length=st.integers(1, 500), hop=st.integers(1, 600))
def test_windows_cover_a_clip_evenly_from_start_to_end(frames, length, hop):
    length = min(length, frames)
    starts = Window(length, hop).starts(frames)
    assert starts[0] == 0
    assert starts[-1] == frames - length
    steps = np.diff(starts)
    assert (steps <= hop).all()
    assert (steps >= 1).all()
    assert len(steps) == 0 or steps.max() - steps.min() <= 1
    assert len(starts) == 1 + math.ceil((frames - length) / hop)


def test_a_window_is_as_long_in_frames_as_the_audio_table_says_in_seconds():
    assert Window.of(Audio(seconds=30.0), 1292) == Window(1292, 1292)
    assert Window.of(Audio(seconds=30.0, window_seconds=3.0), 1292) == Window(129, 129)
    assert Window.of(Audio(seconds=30.0, window_seconds=3.0, window_hop_seconds=1.5), 1292) == Window(129, 65)
    assert Window.of(Audio(seconds=30.0, window_seconds=0.5), 661_500) == Window(11_025, 11_025)


def test_a_model_is_built_for_the_window():
    assert make(Window(7, 7)).shape == (BINS, 7)
    assert make(None).shape == (BINS, FRAMES)


def test_training_sees_one_window_of_each_clip_where_it_was_drawn():
    clips = make(Window(7, 7))
    order, starts = np.array([5, 0, 3, 1, 2]), np.array([13, 0, 4, 9, 2])
    x, y = zip(*clips.batches("train", 3, order, starts), strict=True)
    expected = [training_values()[i, :, s : s + 7] for i, s in zip(order, starts, strict=True)]
    assert [len(part) for part in x] == [3, 2]
    np.testing.assert_array_equal(torch.cat(x), np.stack(expected))
    assert torch.equal(torch.cat(y), clips.targets("train")[order])


@given(clips=st.integers(1, 300), batch_size=st.integers(1, 100))
def test_no_batch_is_of_a_single_clip_where_there_are_others(clips, batch_size):
    sizes = np.diff([*batch_starts(clips, batch_size), clips])
    assert sizes.sum() == clips
    assert (sizes[:-1] == batch_size).all()
    assert min(2, batch_size, clips) <= sizes[-1] <= batch_size + 1


def test_batches_may_begin_within_an_epoch():
    clips = make(None)
    order = np.array([5, 0, 3, 1, 2, 4])
    for size in (1, 2, 4, 5, 9):
        labels = [y.tolist() for _, y in clips.batches("train", size, order)]
        for first in range(len(labels) + 1):
            assert [y.tolist() for _, y in clips.batches("train", size, order, first=first)] == labels[first:]


def test_without_starts_a_batch_holds_the_middle_of_each_clip():
    [(x, _)] = make(Window(8, 8)).batches("train", 99)
    np.testing.assert_array_equal(x, training_values()[:, :, 6:14])


def test_random_starts_reach_every_frame_and_depend_on_nothing_but_the_generator():
    clips = make(Window(17, 17))
    starts = clips.random_starts(400, torch.Generator().manual_seed(3))
    assert np.bincount(starts).min() > 60
    assert len(np.bincount(starts)) == 4
    np.testing.assert_array_equal(starts, clips.random_starts(400, torch.Generator().manual_seed(3)))
    assert not make(None).random_starts(400, torch.Generator()).any()


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_a_clip_is_judged_by_the_mean_of_the_probabilities_of_its_windows(batch_size):
    clips, window = make(Window(8, 4)), 8
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(BINS * window, 2)).eval()
    found = evaluate(model, clips, "train", batch_size)
    x = torch.from_numpy(training_values())
    starts = [0, 4, 8, 12]
    expected = torch.stack([model(x[:, :, s : s + window]).softmax(1) for s in starts]).mean(0).detach()
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    assert found.scores["loss"] == pytest.approx(
        F.nll_loss(expected.log(), clips.targets("train")).item(), abs=1e-6
    )
    assert found.confusion.sum() == 6


def test_a_study_on_windows_splits_tracks_and_predicts_tracks(toy: Path, genrelab: Command) -> None:
    settings = ["search={}", "candidate.wide.space={}", "final.seeds=[1]", "train.epochs=1"]
    short = ["audio.window_seconds=0.25", "audio.window_hop_seconds=0.125"]
    tables, metrics = [], []
    for name, more in (("whole", []), ("windows", short)):
        options = [part for text in settings + more for part in ("--set", text)]
        done = genrelab("run", "toy.toml", "--run-dir", name, *options)
        assert done.returncode == 0, done.stderr
        with (toy / name / "data/tracks.csv").open(newline="") as lines:
            tables.append(list(csv.DictReader(lines)))
        tested = [t for t in tables[-1] if t["split"] == "test"]
        final = toy / name / "candidates/wide/final/seed-1"
        metrics.append(json.loads((final / "result.json").read_text())["metrics"])
        assert np.load(final / "predictions.npz")["probabilities"].shape == (len(tested), 3)
    assert tables[0] == tables[1]
    assert metrics[0] != metrics[1]
    assert len(list((toy / ".genrelab/store").glob("spectrum-*"))) == 1


def test_a_window_longer_than_a_clip_is_refused(toy: Path, genrelab: Command) -> None:
    done = genrelab("validate", "toy.toml", "--set", "audio.window_seconds=2.0")
    assert done.returncode == 2
    assert "audio.window_seconds: 2 is longer than a clip: 1" in done.stderr
    done = genrelab("validate", "toy.toml", "--set", "audio.window_hop_seconds=0.5")
    assert "audio.window_hop_seconds: has no meaning without window_seconds" in done.stderr


def test_strict_refuses_files_that_cannot_be_used_and_says_how_many(toy: Path, genrelab: Command) -> None:
    settings = ["dataset.broken=2", "search={}", "candidate.wide.space={}", "train.epochs=1"]
    options = [part for text in settings for part in ("--set", text)]
    done = genrelab("run", "toy.toml", *options, "--strict")
    assert done.returncode == 1
    assert "2 of 38 files cannot be used (2 undecodable)" in done.stderr
    assert "Traceback" not in done.stderr
    with (toy / "runs/toy/data/quarantine.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(r["id"], Path(r["path"]).name, r["reason"]) for r in rows] == [
        (f"broken-{i}", f"broken-{i}.wav", "undecodable") for i in range(2)
    ]
    assert genrelab("run", "toy.toml", *options).returncode == 0
    again = genrelab("run", "toy.toml", *options, "--strict")
    assert again.returncode == 1
    assert "this study began without these files" in again.stderr
