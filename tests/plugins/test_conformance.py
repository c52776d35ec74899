"""What every component that ships must do, in one loop over them, and the documentation of some kinds."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from genrelab import Scheduler, Steps
from genrelab.params import specs
from genrelab.plugins.registry import Registry
from genrelab.testing import checks_of, parametrize_with_checks
from tests.conftest import ROOT
from tests.fma_miniature import write_fma

STEP_LR = {"step_size": 3, "gamma": 0.5}
# Those that set the rate by a formula; their fall would be lost on the next step.
ALONE = {"cosine", "inverse_sqrt", "one_cycle", "warm_restarts"}
HEAVY = {"torch", "torchaudio", "numpy", "scipy", "sklearn", "matplotlib", "rich", "soundfile", "librosa"}

# Checks that take seconds: of models those that compile or build many, of others those that start processes or Aim.
SLOW = {"compiles", "onnx", "parameter_ends"}
SLOW_COMPONENTS = {"aim", "local", "ray"}
# Models of millions of parameters are checked smaller than their defaults: the promises are the same.
SIZES: dict[str, dict[str, Any]] = {
    "ast": {"heads": 1},
    "cnn2d": {"hidden_dim": 16},
    "cnn2d_gru": {"hidden_dim": 16},
    "cnn2d_lstm": {"hidden_dim": 16},
    "conformer": {"layers": 2},
    "musicnn": {"filters": 0.2},
    "resnet": {"channels": 8},
    "sample_cnn": {"channels": 16},
    "short_chunk_cnn": {"channels": 8},
}

registry = Registry.discover(start=ROOT)


def shipped(kind: str) -> list[str]:
    return [n for n in registry.names(kind) if registry.entry(kind, n).target.startswith("genrelab_plugins.")]


SHIPPED = [(kind, name) for kind in ("feature", "augmentation", "model", "scheduler") for name in shipped(kind)]
schedulers = pytest.mark.parametrize("name", shipped("scheduler"))


def checks(*kinds: str) -> list[Any]:
    """Return the conformance checks of what ships, those that take long marked as slow."""
    found = []
    for kind, name in [(k, n) for k in kinds for n in shipped(k)]:
        for param in parametrize_with_checks(registry.get(kind, name), **SIZES.get(name, {})).args[1]:
            long = (kind == "model" and param.values[0].name in SLOW) or name in SLOW_COMPONENTS
            marks = [*param.marks, *([pytest.mark.slow] * long)]
            found.append(pytest.param(*param.values, marks=marks, id=param.id))
    return found


@pytest.mark.parametrize("check", checks("feature", "augmentation", "model", "scheduler", "reporter", "executor"))
def test_a_component_keeps_the_promises_of_its_kind(check: Any) -> None:
    check()


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Write a small one for each dataset that ships; return the parameters that find it."""
    root = tmp_path_factory.mktemp("datasets")
    touch(root / "folder/rock/a.wav", root / "folder/jazz/b.wav")
    touch(root / "gtzan/rock/rock.00000.wav", root / "gtzan/jazz/jazz.00000.wav")
    (root / "folder.csv").write_text("path,genre\nfolder/rock/a.wav,rock\nfolder/jazz/b.wav,jazz\n")
    return {
        "audio_folder": {"root": str(root / "folder")},
        "fma": {"root": str(write_fma(root / "fma")), "subset": "large"},
        "gtzan": {"root": str(root / "gtzan")},
        "manifest": {"file": str(root / "folder.csv")},
        "synthetic": {"root": str(root / "synthetic"), "clips": 8, "artists": 1, "seconds": 1.0},
    }


@pytest.mark.parametrize("name", shipped("dataset"))
def test_a_dataset_keeps_the_promises_of_its_kind(name: str, datasets: dict[str, dict[str, Any]]) -> None:
    for check in checks_of(registry.get("dataset", name), **datasets[name]):
        check()


@pytest.mark.parametrize("name", [n for n in shipped("feature") if n != "waveform"])
@pytest.mark.parametrize("samples", [1, 511, 512, 1023, 5000])
def test_frames_are_centred_and_a_hop_apart(name: str, samples: int) -> None:
    found = registry.get("feature", name)
    assert found.build(found.params(), 22_050)(torch.rand(1, samples)).shape[2] == 1 + samples // 512


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
def test_the_rate_of_the_experiment_is_the_highest(name: str) -> None:
    assert max(Training(Steps(10, 40), name).run(40)) == pytest.approx(0.1)


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
    assert {key for key in rows() if key.startswith(("feature/", "augmentation/", "model/", "scheduler/"))} == keys


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_every_parameter_is_explained(kind: str, name: str) -> None:
    assert all(spec.help for _, spec in specs(registry.get(kind, name).params).values())


def test_to_import_these_plugins_imports_nothing_heavy() -> None:
    targets = [registry.entry(kind, name).target for kind, name in SHIPPED]
    code = f"import sys, importlib\nfor t in {targets}: importlib.import_module(t)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
