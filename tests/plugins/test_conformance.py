"""What every feature and every schedule that ships must do, in one loop over them, and their documentation."""

from __future__ import annotations

import inspect
import io
import re
import subprocess
import sys
from importlib import import_module

import pytest
import torch

from genrelab import Feature, Scheduler, Steps
from genrelab.params import specs
from genrelab.plugins.registry import Registry
from tests.conftest import ROOT

RATE = 22_050
SECOND = torch.rand(RATE, generator=torch.Generator().manual_seed(0)) * 2 - 1
STEP_LR = {"step_size": 3, "gamma": 0.5}
# Those that set the rate by a formula; their fall would be lost on the next step.
ALONE = {"cosine", "inverse_sqrt", "one_cycle", "warm_restarts"}
HEAVY = {"torch", "torchaudio", "numpy", "scipy", "sklearn", "matplotlib", "rich", "soundfile", "librosa"}

registry = Registry.discover(start=ROOT)


def shipped(kind: str) -> list[str]:
    return [n for n in registry.names(kind) if registry.entry(kind, n).target.startswith("genrelab_plugins.")]


SHIPPED = [(kind, name) for kind in ("feature", "scheduler") for name in shipped(kind)]
features = pytest.mark.parametrize("name", shipped("feature"))
schedulers = pytest.mark.parametrize("name", shipped("scheduler"))


def feature(name: str) -> torch.nn.Module:
    found: Feature = registry.get("feature", name)
    return found.build(found.params(), RATE).eval()


def expected_frames(name: str, samples: int) -> int:
    return samples if name == "waveform" else 1 + samples // 512


@features
@torch.inference_mode()
def test_a_feature_has_the_announced_shape_for_clips_of_any_length(name: str) -> None:
    module = feature(name)
    bins = module(SECOND[None]).shape[1]
    for samples in (1, 511, 512, 1023, 5000, RATE):
        y = module(SECOND[None, :samples].repeat(2, 1))
        assert y.shape == (2, bins, expected_frames(name, samples))
        assert y.dtype == torch.float32


@features
@torch.inference_mode()
def test_a_feature_is_finite_for_silence_and_full_scale(name: str) -> None:
    t = torch.arange(RATE)
    square = torch.where(t % 100 < 50, 1.0, -1.0)
    click = torch.zeros(RATE).index_fill(0, torch.tensor([RATE // 2]), 1.0)
    clips = [0 * SECOND, 1e-30 * SECOND, SECOND.sign(), square, click, torch.ones(RATE)]
    y = feature(name)(torch.stack(clips)).half()  # as it is stored
    assert torch.isfinite(y).all()


@features
@torch.inference_mode()
def test_a_clip_has_the_same_feature_alone_and_in_a_batch(name: str) -> None:
    module = feature(name)
    clips = torch.stack([SECOND, 0 * SECOND, 0.01 * SECOND, SECOND.cumsum(0) / 500])
    together = module(clips)
    for clip, y in zip(clips, together, strict=True):
        torch.testing.assert_close(y[None], module(clip[None]), atol=1e-3, rtol=1e-4)


@features
@torch.inference_mode()
def test_a_feature_is_the_same_each_time_and_leaves_its_input(name: str) -> None:
    x = SECOND[None].clone()
    first = feature(name)(x)
    assert torch.equal(first, feature(name)(x))
    assert torch.equal(x[0], SECOND)


@features
def test_a_feature_learns_nothing_and_saves_nothing(name: str) -> None:
    module = feature(name)
    assert not list(module.parameters())
    assert not module.state_dict()


class Training:
    """An optimizer with schedules on it, gone on with as a training does."""

    def __init__(self, steps: Steps, *names: str) -> None:
        self.steps = steps
        self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        found: list[Scheduler] = [registry.get("scheduler", name) for name in names]
        self.schedules = []
        for s in found:
            params = s.params(**STEP_LR) if s.name == "step_lr" else s.params()
            self.schedules.append((s.build(params, self.optimizer, steps), s.when))

    def run(self, epochs: int) -> list[float]:
        """Go on for some epochs whose validation loss stays the same; return the rate of each step."""
        rates = []
        for _ in range(epochs):
            for _ in range(self.steps.per_epoch):
                rates.append(self.optimizer.param_groups[0]["lr"])
                self.optimizer.step()
                self._tell("batch")
            self._tell("epoch")
            self._tell("monitored", 1.0)
        return rates

    def _tell(self, now: str, *monitored: float) -> None:
        for schedule, when in self.schedules:
            if when == now:
                schedule.step(*monitored)


@schedulers
@pytest.mark.parametrize("per_epoch", [1, 2, 10, 33])
@pytest.mark.parametrize("epochs", [1, 2, 3, 40])
def test_rates_are_finite_and_not_negative(name: str, per_epoch: int, epochs: int) -> None:
    rates = torch.tensor(Training(Steps(per_epoch, epochs), name).run(epochs))
    assert torch.isfinite(rates).all()
    assert (rates >= 0).all()
    assert 0 < rates.max() <= 0.1 + 1e-9  # the experiment's rate is the highest


@schedulers
def test_a_schedule_that_goes_on_from_its_state_has_the_same_rates(name: str) -> None:
    steps = Steps(per_epoch=3, epochs=20)
    undisturbed = Training(steps, name).run(20)
    stopped, resumed = Training(steps, name), Training(steps, name)
    rates = stopped.run(7)
    file = io.BytesIO()
    torch.save([stopped.optimizer.state_dict(), stopped.schedules[0][0].state_dict()], file)
    file.seek(0)
    optimizer, schedule = torch.load(file, weights_only=True)  # as checkpoints are read
    resumed.optimizer.load_state_dict(optimizer)
    resumed.schedules[0][0].load_state_dict(schedule)
    assert rates + resumed.run(13) == undisturbed


@schedulers
@pytest.mark.parametrize("first", [True, False])
def test_a_schedule_multiplies_with_step_lr_or_says_that_it_stands_alone(name: str, first: bool) -> None:
    steps = Steps(per_epoch=3, epochs=20)
    both = Training(steps, *((name, "step_lr") if first else ("step_lr", name))).run(20)
    alone, falls = Training(steps, name).run(20), Training(steps, "step_lr").run(20)
    multiplied = both == pytest.approx([a * b / 0.1 for a, b in zip(alone, falls, strict=True)])
    assert multiplied == (name not in ALONE)
    plugin = import_module(registry.entry("scheduler", name).target)
    assert ("use it alone" in (plugin.__doc__ or "")) == (name in ALONE)


@schedulers
def test_a_schedule_is_told_when_it_counts(name: str) -> None:
    # Built for batches but told each epoch, or the reverse, its course would depend on the batches of an epoch.
    few, many = Training(Steps(20, 12), name).run(12)[::10], Training(Steps(200, 12), name).run(12)[::100]
    assert few == pytest.approx(many, abs=0.01)


@schedulers
def test_only_a_monitored_schedule_needs_the_loss(name: str) -> None:
    [(schedule, when)] = Training(Steps(3, 20), name).schedules
    needed = [p for p in inspect.signature(schedule.step).parameters.values() if p.default is p.empty]
    assert len(needed) == (when == "monitored")


def rows() -> dict[str, list[str]]:
    """Map each component in the tables of the page, as kind/name, to the cells of its row."""
    found, kind = {}, ""
    for line in (ROOT / "docs/components.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind = line[3:].lower().rstrip("s")
        if match := re.match(r"\| `(\w+)` \|(.*)\|$", line):
            found[f"{kind}/{match[1]}"] = [cell.strip() for cell in match[2].split("|")]
    return found


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_a_component_has_a_row_in_the_docs_with_its_parameters(kind: str, name: str) -> None:
    what, _, parameters = rows()[f"{kind}/{name}"]
    assert what
    assert re.findall(r"`(\w+)`", parameters) == list(specs(registry.get(kind, name).params))


def test_the_docs_have_no_row_for_what_is_not_there() -> None:
    keys = {f"{kind}/{name}" for kind, name in SHIPPED}
    assert {key for key in rows() if key.startswith(("feature/", "scheduler/"))} == keys


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_parameter_is_explained(kind: str, name: str) -> None:
    assert all(spec.help for _, spec in specs(registry.get(kind, name).params).values())


def test_to_import_these_plugins_imports_nothing_heavy() -> None:
    targets = [registry.entry(kind, name).target for kind, name in SHIPPED]
    code = f"import sys, importlib\nfor t in {targets}: importlib.import_module(t)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
