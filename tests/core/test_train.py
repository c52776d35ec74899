from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train
from genrelab.data.clips import Clips
from genrelab.errors import WorkError
from genrelab.training.augment import Chain
from genrelab.training.evaluate import evaluate
from genrelab.training.schedules import Schedule
from genrelab.training.seeds import derive
from genrelab.training.train import Fit, train
from genrelab.training.weights import load_weights

CLASSES = ("a", "b", "c")


class MemoryStore:
    """Stands for a feature store: rows in memory."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows, self.shape = rows, rows.shape[1:]

    def views(self, index: np.ndarray) -> Iterator[np.ndarray]:
        yield from self.rows[index]


def make_clips(n: int = 60, noise: float = 1.0, statistics: Any = None) -> Clips:
    random = np.random.default_rng(0)
    labels = np.arange(n) % 3
    x = random.standard_normal((n, 4, 6)) * noise + labels[:, None, None]
    subsets = np.array(["train"] * (n - 24) + ["validation"] * 12 + ["test"] * 12)
    store: Any = MemoryStore(x.astype(np.float16))
    return Clips(store, np.arange(n), labels, list(subsets), CLASSES, statistics, torch.device("cpu"))


def make_model(dropout: float = 0.2) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3))


def run(folder: Path, settings: Train, *, model: nn.Module | None = None, seed: int = 5, **given: Any) -> Fit:
    folder.mkdir(exist_ok=True)
    model = model or make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedules = [
        Schedule(torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5), "epoch"),
        Schedule(torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5), "monitored"),
    ]
    arguments: dict[str, Any] = {
        "augment": Chain([]),
        "schedules": schedules,
        "clips": make_clips(),
        "on_epoch": lambda record: None,
        **given,
    }
    return train(model, optimizer=optimizer, settings=settings, seed=seed, directory=folder, **arguments)


SETTINGS = Train(epochs=8, batch_size=8, learning_rate=0.01, patience=0)


def numbers(fit: Fit) -> list[Any]:
    return [{k: v for k, v in r.items() if k not in ("seconds", "validation_seconds", "time")} for r in fit.history]


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", SETTINGS), run(tmp_path / "b", SETTINGS)
    assert numbers(a) == numbers(b)
    assert numbers(run(tmp_path / "c", SETTINGS, seed=6)) != numbers(a)


def test_what_was_drawn_before_does_not_matter(tmp_path: Path) -> None:
    a = run(tmp_path / "a", SETTINGS)
    model = make_model()
    torch.rand(1000)
    np.random.rand(10)  # noqa: NPY002
    assert numbers(run(tmp_path / "b", SETTINGS, model=model)) == numbers(a)


@pytest.mark.parametrize("after", [1, 3, 7])
def test_a_training_that_stopped_goes_on_to_the_same_numbers_and_weights(tmp_path: Path, after: int) -> None:
    undisturbed = run(tmp_path / "a", SETTINGS)
    run(tmp_path / "b", attrs.evolve(SETTINGS, epochs=after))
    told: list[int] = []
    resumed = run(
        tmp_path / "b", SETTINGS, model=make_model(), on_epoch=lambda record: told.append(record["epoch"])
    )
    assert numbers(resumed) == numbers(undisturbed)
    assert told == list(range(1, 9))
    weights = [safetensors.torch.load_file(tmp_path / d / "best.safetensors") for d in "ab"]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_best_epoch_by_validation_loss_is_the_one_that_is_kept(tmp_path: Path) -> None:
    model, clips = make_model(), make_clips(noise=3.0)
    fit = run(tmp_path / "a", attrs.evolve(SETTINGS, epochs=30, learning_rate=0.05), model=model, clips=clips)
    losses = [r["validation"]["loss"] for r in fit.history]
    assert fit.best_epoch == losses.index(min(losses)) + 1
    assert fit.best_epoch < 30
    assert evaluate(model, clips, "validation", 8).scores["loss"] != pytest.approx(min(losses))
    load_weights(tmp_path / "a", model)
    assert evaluate(model, clips, "validation", 8).scores["loss"] == pytest.approx(min(losses), abs=1e-6)


def test_training_stops_when_the_validation_loss_has_not_fallen_for_patience_epochs(tmp_path: Path) -> None:
    settings = attrs.evolve(SETTINGS, epochs=200, learning_rate=0.05, patience=3)
    fit = run(tmp_path / "a", settings, clips=make_clips(noise=3.0))
    assert len(fit.history) == fit.best_epoch + 3


def test_a_loss_that_is_not_finite_ends_the_training_with_a_message(tmp_path: Path) -> None:
    model = make_model()
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(WorkError, match="training loss is nan in epoch 1"):
        run(tmp_path / "a", SETTINGS, model=model)


def test_schedules_act_together_and_the_rate_of_each_epoch_is_recorded(tmp_path: Path) -> None:
    # So low a rate that the loss does not fall by the plateau's threshold: it halves after every epoch but the
    # first, StepLR after every second.
    fit = run(tmp_path / "a", attrs.evolve(SETTINGS, epochs=5, learning_rate=1e-6, weight_decay=0.0))
    assert [r["learning_rate"] / 1e-6 for r in fit.history] == [1, 1, 0.25, 0.125, 0.03125]


def test_a_batch_scheduler_steps_with_each_batch(tmp_path: Path) -> None:
    model = make_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    clips = make_clips()
    fit = train(
        model, Chain([]), optimizer, [Schedule(rate, "batch")], clips, attrs.evolve(SETTINGS, epochs=2),
        seed=1, directory=tmp_path, on_epoch=lambda record: None,
    )  # fmt: skip
    steps = -(-clips.count("train") // 8)
    assert fit.history[1]["learning_rate"] == pytest.approx(0.1 / (1 + steps))


def test_an_epoch_sees_every_training_clip_once_and_no_other(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []

    class Watch(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen.append(x.clone())
            return x, y

    run(tmp_path / "a", attrs.evolve(SETTINGS, epochs=2), augment=Watch())
    clips = make_clips()
    wanted = torch.cat([x for x, _ in clips.batches("train", 100)]).flatten(1)
    first, second = torch.cat(seen).flatten(1).chunk(2)
    for epoch in (first, second):
        assert torch.equal(epoch[epoch[:, 0].argsort()], wanted[wanted[:, 0].argsort()])
    assert not torch.equal(first, second)


def test_evaluation_is_what_torch_says(tmp_path: Path) -> None:
    model, clips = make_model(), make_clips()
    found = evaluate(model, clips, "test", 5)
    x, y = next(iter(clips.batches("test", 100)))
    logits = model.eval()(x)
    assert found.scores["loss"] == pytest.approx(F.cross_entropy(logits, y).item(), abs=1e-6)
    np.testing.assert_allclose(found.probabilities, logits.softmax(1).detach(), atol=1e-6)
    assert found.confusion.sum() == 12
    assert found.scores["accuracy"] == pytest.approx((logits.argmax(1) == y).float().mean().item())


def test_clips_are_standardised_by_the_given_statistics() -> None:
    mean, deviation = torch.arange(4.0)[:, None], torch.full((4, 1), 2.0)
    plain, _ = next(make_clips().batches("train", 8))
    x, _ = next(make_clips(statistics=(mean, deviation)).batches("train", 8))
    torch.testing.assert_close(x, (plain - mean) / deviation)


def test_seeds_differ_for_every_part_and_do_not_change() -> None:
    assert derive(1, "a", 2) == 7206417918070876358
    assert len({derive(*parts) for parts in [(1, "a", 2), (1, "a", 3), (2, "a", 2), (1, "a2"), ("1", "a", 2)]}) == 5
    assert 0 <= derive(0) < 2**63


class Stop:
    """Asked after every step; wants to stop after so many."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def __call__(self) -> bool:
        self.steps -= 1
        return self.steps <= 0


@pytest.mark.parametrize("settings", [{}, {"ema_decay": 0.9, "sampling": "balanced", "optimizer": "sgd"}])
def test_a_training_interrupted_again_and_again_within_epochs_ends_with_the_same_numbers(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    wanted = attrs.evolve(SETTINGS, epochs=4, **settings)
    undisturbed = run(tmp_path / "a", wanted)
    ends = []
    for steps in (3, 5, 1, 7, 100):  # an epoch has 5
        torch.manual_seed(steps)
        fit = run(tmp_path / "b", wanted, model=make_model(), interrupted=Stop(steps))
        ends.append((fit.end, len(fit.history)))
    assert ends == [("interrupted", 0), ("interrupted", 1), ("interrupted", 1), ("interrupted", 3), ("done", 4)]
    assert numbers(fit) == numbers(undisturbed)
    weights = [safetensors.torch.load_file(tmp_path / d / "best.safetensors") for d in "ab"]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_checkpoints_within_an_epoch_are_as_good_as_those_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = attrs.evolve(SETTINGS, epochs=3, checkpoint_minutes=1e-9)  # after every step
    undisturbed = run(tmp_path / "a", settings)

    class KilledError(Exception):
        pass

    class Killer(nn.Module):
        """Dies in the fourth step of the second epoch."""

        calls = 0

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            self.calls += 1
            if self.calls == 9:
                raise KilledError
            return x, y

    with pytest.raises(KilledError):
        run(tmp_path / "b", settings, augment=Killer())
    state = torch.load(tmp_path / "b" / "checkpoint.pt", weights_only=True)
    assert (len(state["progress"]["history"]), state["progress"]["epoch"]["steps"]) == (1, 3)
    assert numbers(run(tmp_path / "b", settings, model=make_model())) == numbers(undisturbed)


def test_a_full_disk_leaves_the_last_checkpoint_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = run(tmp_path / "a", SETTINGS)
    run(tmp_path / "b", attrs.evolve(SETTINGS, epochs=2))
    before = (tmp_path / "b/checkpoint.pt").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            run(tmp_path / "b", SETTINGS, model=make_model())
    assert str(tmp_path / "b") in str(caught.value)
    assert (tmp_path / "b/checkpoint.pt").read_bytes() == before
    assert not list((tmp_path / "b").glob("*.part"))
    assert numbers(run(tmp_path / "b", SETTINGS, model=make_model())) == numbers(undisturbed)


def test_a_training_stops_at_its_time_limit_which_counts_what_was_before(tmp_path: Path) -> None:
    limited = attrs.evolve(SETTINGS, time_limit=1e-9)
    assert run(tmp_path / "a", limited).end == "time_limit"
    run(tmp_path / "b", attrs.evolve(SETTINGS, epochs=2))
    fit = run(tmp_path / "b", limited, model=make_model())
    assert (fit.end, len(fit.history)) == ("time_limit", 2)
    assert run(tmp_path / "c", attrs.evolve(SETTINGS, time_limit=1000.0)).end == "done"


def test_the_monitored_metric_picks_the_weights_and_stops_early(tmp_path: Path) -> None:
    settings = attrs.evolve(SETTINGS, epochs=60, learning_rate=0.02, patience=4, monitor="accuracy")
    model, clips = make_model(), make_clips(noise=3.0)
    fit = run(tmp_path / "a", settings, model=model, clips=clips)
    values = [r["validation"]["accuracy"] for r in fit.history]
    assert fit.best_epoch == values.index(max(values)) + 1
    assert len(values) == fit.best_epoch + 4 < 60
    load_weights(tmp_path / "a", model)
    assert evaluate(model, clips, "validation", 8).scores["accuracy"] == max(values)


def test_the_last_epoch_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    settings = attrs.evolve(SETTINGS, epochs=12, learning_rate=0.3, patience=0, keep="last")
    model, clips = make_model(), make_clips(noise=3.0)
    fit = run(tmp_path / "a", settings, model=model, clips=clips)
    losses = [r["validation"]["loss"] for r in fit.history]
    assert losses[-1] > min(losses)
    assert fit.best_epoch == len(losses) == 12
    load_weights(tmp_path / "a", model)
    assert evaluate(model, clips, "validation", 8).scores["loss"] == pytest.approx(losses[-1], abs=1e-6)


def test_what_is_better_by_less_than_min_delta_does_not_count_for_patience(tmp_path: Path) -> None:
    settings = attrs.evolve(SETTINGS, epochs=12, learning_rate=1e-3, patience=3)
    assert len(run(tmp_path / "a", settings, schedules=[]).history) == 12
    assert len(run(tmp_path / "b", attrs.evolve(settings, min_delta=0.9), schedules=[]).history) == 4


def test_averaged_weights_are_those_that_are_judged_and_kept(tmp_path: Path) -> None:
    model, clips = make_model(), make_clips()
    fit = run(tmp_path / "a", attrs.evolve(SETTINGS, ema_decay=0.9), model=model, clips=clips)
    plain = run(tmp_path / "b", SETTINGS)
    assert [r["train"] for r in fit.history] == [r["train"] for r in plain.history]
    load_weights(tmp_path / "a", model)
    found = evaluate(model, clips, "validation", 8).scores["loss"]
    assert found == pytest.approx(fit.history[fit.best_epoch - 1]["validation"]["loss"], abs=1e-6)
    assert found != pytest.approx(plain.history[fit.best_epoch - 1]["validation"]["loss"], abs=1e-4)


def test_a_clip_that_is_left_over_joins_the_last_batch_for_layers_that_cannot_train_on_one(tmp_path: Path) -> None:
    def model() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(24, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))

    settings = attrs.evolve(SETTINGS, epochs=2, batch_size=5)  # 36 clips: six batches of 5, one of 6
    undisturbed = run(tmp_path / "a", settings, model=model())
    for steps in (7, 100):  # interrupted after the last step of the first epoch
        fit = run(tmp_path / "b", settings, model=model(), interrupted=Stop(steps))
    assert numbers(fit) == numbers(undisturbed)
