"""A training step of the four architectures of the study in each precision, layout and compiled.

pytest tests/bench/test_bench_precision.py --benchmark-only --benchmark-columns=min,rounds --benchmark-sort=name

On whatever device `device = "auto"` finds; what that cannot do is skipped. On a CPU clips are short and channels
few, so that it takes minutes, and CPU time is taken, which other work on the machine changes least.
"""

from __future__ import annotations

import time

import attrs
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train
from genrelab.training.device import keep_memory, resolve
from genrelab.training.losses import make_loss
from genrelab.training.optimizers import make_optimizer
from genrelab.training.precision import Precision, compile_model
from genrelab.training.step import Step
from genrelab_plugins.models import _blocks, cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm

DEVICE = resolve("auto")
GPU = DEVICE.type == "cuda"
BINS, FRAMES, BATCH, HIDDEN, CLASSES = (128, 1292, 32, 64, 12) if GPU else (128, 130, 8, 16, 12)
MODELS = {"cnn1d_gru": cnn1d_gru, "cnn1d_lstm": cnn1d_lstm, "cnn2d_gru": cnn2d_gru, "cnn2d_lstm": cnn2d_lstm}
SETTINGS = {
    "float32": Train(tf32=False),
    "tf32": Train(tf32=True),
    "bfloat16": Train(precision="bfloat16"),
    "float16": Train(precision="float16"),
    "float32 compiled": Train(tf32=False, compile=True),
    "bfloat16 compiled": Train(precision="bfloat16", compile=True),
}
pytestmark = [
    pytest.mark.benchmark(timer=time.perf_counter if GPU else time.process_time),
    pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning"),  # torch's compiler looks at gradients
]
ONLY_CUDA = ("tf32", "float16")


@pytest.fixture(autouse=True)
def _as_in_a_job():
    torch.set_num_threads(1)
    keep_memory()


@pytest.fixture
def make_step(capsys):
    """Return a function that builds a model and returns what takes a step with it, and its loss."""

    def make(name: str, settings: Train):
        torch.manual_seed(0)
        plugin = MODELS[name]
        model = plugin.build(plugin.Params(hidden_dim=HIDDEN, dropout=0.0), (BINS, FRAMES), CLASSES).to(DEVICE)
        if settings.compile:
            compile_model(model, (BINS, FRAMES), DEVICE)
            if "warning" in (said := capsys.readouterr().err):
                pytest.skip(said.strip())
        loss, precision = make_loss(settings, torch.ones(CLASSES, device=DEVICE)), Precision(settings, DEVICE)
        optimizer = make_optimizer(model, settings)
        step = Step(model.train(), optimizer, [], None, loss, precision, settings)
        x = torch.rand(BATCH, BINS, FRAMES, device=DEVICE)
        y = F.one_hot(torch.arange(BATCH, device=DEVICE) % CLASSES, CLASSES).float()
        return lambda: float(step(x, y))  # waits for the device

    return make


@pytest.mark.parametrize("layout", ["channels last", "channels first"])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", MODELS)
def test_step(benchmark, make_step, monkeypatch, name, setting, layout):
    if setting in ONLY_CUDA and not GPU:
        pytest.skip(f"{setting} is for CUDA, not {DEVICE.type}")
    if layout == "channels first":
        if "2d" not in name:
            pytest.skip("has no channels beside bins and frames")
        monkeypatch.setattr(_blocks, "picture", lambda x: x[:, None].contiguous())
    settings = attrs.evolve(SETTINGS[setting], batch_size=BATCH)
    step = make_step(name, settings)
    benchmark.group = f"step of {name} on {DEVICE.type}, {BATCH} clips of {BINS} x {FRAMES}"
    first = benchmark.pedantic(step, rounds=5, warmup_rounds=2)
    benchmark.extra_info["loss"] = first / BATCH
