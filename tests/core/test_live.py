"""Augmentation of waveforms: what a model sees is what it would see of stored features, but for the change."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from genrelab.config.experiment import NORMALIZATIONS, Experiment, Train
from genrelab.config.files import parse
from genrelab.data.clips import Clips
from genrelab.data.prepare import Preparation, load_clips
from genrelab.data.waveforms import Parts, joined
from genrelab.plugins.registry import Registry
from genrelab.training.augment import Chain
from genrelab.training.build import build_augmentation
from genrelab.training.train import train
from tests.conftest import TOY, Command

CPU = torch.device("cpu")
RATE = 8000
PLUGIN = """
import attrs
import torch
from genrelab import Augmentation, hookimpl, tunable

@attrs.frozen
class Params:
    factor: float = tunable(0.5, low=0.0, high=2.0, help="of the sample rate")

class Buzz(torch.nn.Module):
    def __init__(self, frequency, rate):
        super().__init__()
        self.frequency, self.rate = frequency, rate

    def forward(self, x):
        if not self.training:
            return x
        t = torch.arange(x.shape[1], device=x.device) / self.rate
        return x + torch.rand(len(x), 1, device=x.device) * torch.sin(2 * torch.pi * self.frequency * t)

@hookimpl
def provide_augmentations():
    return [Augmentation("buzz", Params, lambda p, rate: Buzz(p.factor * rate / 2, rate), domain="waveform")]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with plugins, whose store the tests share."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "buzz.py").write_text(PLUGIN)
    return folder


class Prepared:
    """The data of an experiment whose candidates differ in augmentation, with stored and with live features."""

    def __init__(self, root: Path, **tables: Any) -> None:
        candidates = [{"name": "stored"}, {"name": "live", "augment": [{"name": "buzz"}]}]
        self.registry = registry = Registry.discover([root / "buzz.py", TOY / "toy.py"], root)
        self.experiment: Experiment = parse(
            {
                "name": "x",
                "dataset": {"name": "tones", "root": str(root / "tones"), "clips": 8},  # few: quick to decode
                "audio": {"sample_rate": RATE, "seconds": 1.0, **tables.get("audio", {})},
                "feature": {"name": "log_mel", "n_fft": 512, "hop_length": 128, "n_mels": 24, **tables["feature"]},
                "model": {"name": "linear"},
                "candidate": candidates,
            },
            registry,
            "x",
        )
        self.folder = Path(tempfile.mkdtemp(dir=root))
        data = Preparation(self.experiment, registry, self.folder, root / "store", 1)
        self.stored, self.live = (
            load_clips(self.folder / "tracks.csv", data.clips(self.experiment.recipe(c)), CPU)
            for c in self.experiment.candidate
        )

    @property
    def chain(self) -> Chain:
        recipe = self.experiment.recipe(self.experiment.candidate[1])
        return build_augmentation(recipe, self.registry, RATE, self.live)


def everything(clips: Clips) -> tuple[Tensor, Tensor]:
    [(x, y)] = clips.batches("train", 1000)
    return x, y


# The largest distance between neighbouring float16 numbers, of the values that are stored: 0..1, deviations, dB.
STEPS = {"minmax": 2**-11, "clip": 2**-8, "band": 2**-8, "none": 2**-4, "training_set": 2**-4}


@pytest.mark.parametrize("window", [0.0, 0.3])
@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_without_a_change_live_features_are_those_that_are_stored(place: Path, kind: str, window: float) -> None:
    data = Prepared(place, feature={"normalization": kind}, audio={"window_seconds": window})
    (waves, labels), (x, y) = everything(data.live), everything(data.stored)
    assert waves.shape == (len(y), RATE)
    assert torch.equal(labels, y)
    found, _ = data.chain.eval()(waves, y)
    assert found.shape == x.shape == (len(y), *data.live.shape)
    assert x.shape[2] == (19 if window else 63)
    deviation = x.new_tensor(1.0)
    if kind == "training_set":
        deviation = data.live._statistics[1].min()  # type: ignore[index]
        for ours, stored in zip(data.live._statistics, data.stored._statistics, strict=True):  # type: ignore[arg-type]
            assert torch.equal(ours, stored)
    assert (found - x).abs().max() <= 0.6 * STEPS[kind] / deviation
    changed, _ = data.chain.train()(waves, y)
    assert (changed - x).abs().max() > 4 * STEPS[kind] / deviation


def test_validation_and_test_are_what_they_are_without_augmentation(place: Path) -> None:
    data = Prepared(place, feature={"normalization": "clip"}, audio={"window_seconds": 0.3})
    for subset in ("validation", "test"):
        ours, stored = (torch.cat([*clips.windows(subset, 5)]) for clips in (data.live, data.stored))
        assert torch.equal(ours, stored)


def test_only_the_waveforms_of_the_training_set_are_stored(place: Path) -> None:
    data = Prepared(place, feature={})
    [store] = (place / "store").glob("waveform-parts-*")
    assert (store / "shard-00000.f16").stat().st_size == data.live.count("train") * RATE * 4
    [(x, _)] = data.live.batches("validation", 100)
    assert x.shape[1:] == data.live.shape


def test_random_windows_reach_every_place_and_follow_the_seed(place: Path) -> None:
    data = Prepared(place, feature={}, audio={"window_seconds": 0.9})
    waves, _ = everything(data.live)
    live = data.chain.live.train()
    whole = live.feature(waves)  # type: ignore[operator]
    whole = (whole - whole.amin((1, 2), keepdim=True)) / (
        whole.amax((1, 2), keepdim=True) - whole.amin((1, 2), keepdim=True)
    )
    parts = whole.unfold(2, data.live.shape[1], 1).transpose(1, 2)  # (clips, places, bins, frames)
    torch.manual_seed(0)
    drawn = [live(waves) for _ in range(20)]
    places = [(x[:, None] - parts).abs().amax((2, 3)) for x in drawn]
    assert all((p.amin(1) < 1e-5).all() for p in places)
    found = torch.cat([p.argmin(1) for p in places])
    assert set(found.tolist()) == set(range(parts.shape[1]))
    torch.manual_seed(0)
    assert torch.equal(live(waves), drawn[0])


def test_a_training_on_waveforms_that_is_interrupted_within_epochs_ends_with_the_same_numbers(place: Path) -> None:
    data = Prepared(place, feature={}, audio={"window_seconds": 0.5})
    settings = Train(epochs=3, batch_size=4, augment_probability=0.8)

    def fit(folder: Path, stops: list[int]) -> list[Any]:
        """Train, stopping after so many steps, again and again; return what was logged."""
        folder.mkdir()
        for steps in (*stops, 10_000):
            torch.manual_seed(7)
            model = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(math.prod(data.live.shape), 3))
            torch.manual_seed(steps)  # what was drawn before does not matter
            left = iter(range(steps, -1, -1))
            fit = train(
                model, data.chain, torch.optim.Adam(model.parameters()), [], data.live, settings,
                seed=5, directory=folder, on_epoch=lambda _: None, interrupted=lambda left=left: next(left) <= 1,
            )  # fmt: skip
        measured = ("seconds", "validation_seconds", "time")
        return [{k: v for k, v in r.items() if k not in measured} for r in fit.history]

    assert fit(data.folder / "stopped", [2, 1, 4]) == fit(data.folder / "undisturbed", [])


class TestChain:
    class Mark(nn.Module):
        """Adds a number, and remembers how many clips it was given."""

        def __init__(self, value: float) -> None:
            super().__init__()
            self.value, self.clips = value, 0

        def forward(self, x: Tensor) -> Tensor:
            self.clips += len(x)
            return x + self.value

    class Widen(nn.Module):
        """Stands for a feature."""

        def forward(self, x: Tensor) -> Tensor:
            return x[:, None, :2].expand(-1, 3, 2)

    def test_waveforms_and_features_of_a_clip_are_reached_together(self) -> None:
        torch.manual_seed(0)
        chain = Chain([(self.Mark(10), 1.0)], 0.8, waveform=[(mark := self.Mark(1), 0.5)], live=self.Widen())
        x = torch.zeros(20_000, 4)
        y, _ = chain(x, torch.zeros(20_000, 2))
        assert y.shape == (20_000, 3, 2)
        assert torch.equal(y, y[:, :1, :1].expand_as(y))
        shares = {v: (y[:, 0, 0] == v).float().mean().item() for v in (0, 1, 10, 11)}
        assert shares == pytest.approx({0: 0.2, 1: 0, 10: 0.4, 11: 0.4}, abs=0.02)
        assert mark.clips == (y[:, 0, 0] == 11).sum()  # nothing is computed for the others

    def test_in_eval_mode_it_only_computes_the_feature(self) -> None:
        chain = Chain([(self.Mark(10), 1.0)], waveform=[(self.Mark(1), 1.0)], live=self.Widen()).eval()
        x, labels = torch.rand(4, 5), torch.rand(4, 2)
        y, same = chain(x, labels)
        assert torch.equal(y, self.Widen()(x))
        assert same is labels

    def test_a_chain_that_reaches_no_clip_changes_none(self) -> None:
        chain = Chain([], 0.0, waveform=[(mark := self.Mark(1), 1.0)], live=self.Widen())
        assert not chain(torch.zeros(4, 5), torch.zeros(4, 2))[0].any()
        assert mark.clips == 0


@given(st.lists(st.floats(-30_000, 30_000, width=32), min_size=1, max_size=50))
def test_stored_waveforms_keep_22_bits(values: list[float]) -> None:
    x = torch.tensor([values], dtype=torch.float32)
    stored = Parts()(x).half()
    error = (joined(stored.float()).double() - x.double()).abs()
    assert (error <= 2**-22 * x.double().abs() + 2**-35).all()


def test_a_study_compares_training_with_and_without_changed_waveforms(toy: Path, genrelab: Command) -> None:
    (toy / "buzz.py").write_text(PLUGIN)
    file = toy / "toy.toml"
    file.write_text(file.read_text().replace('name = "wide"', 'name = "wide"\naugment = [{ name = "buzz" }]'))
    options = ["search.trials=1", "final.seeds=[1]", "train.augment_probability=0.8", "dataset.clips=8"]
    options += ["feature.normalization=training_set", "audio.window_seconds=0.5"]
    done = genrelab("run", "toy.toml", "--plugin", "buzz.py", *[a for o in options for a in ("--set", o)])
    assert done.returncode == 0, done.stderr
    for name in ("narrow", "wide"):
        result = json.loads((toy / "runs/toy/candidates" / name / "final/seed-1/result.json").read_text())
        assert np.isfinite(result["metrics"]["test"]["loss"])
    assert {d.name.rpartition("-")[0] for d in (toy / ".genrelab/store").iterdir()} == {
        "spectrum",
        "waveform-parts",
    }
