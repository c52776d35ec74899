"""Exported folders, and the programs in them."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors
import safetensors.torch
import torch
from click.testing import CliRunner

from genrelab import InputError, WorkError, load
from genrelab.cli.main import cli
from genrelab.plugins.registry import Registry
from genrelab.use.any_length import any_length
from genrelab.use.export import export
from genrelab.use.graph import FromWaveform, trace
from genrelab.use.onnx_file import write_onnx
from genrelab.use.torch_file import write_torch
from tests.conftest import TOY

ARCHITECTURES = ["cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm"]
LOG_MEL = {"name": "log_mel", "n_fft": 256, "hop_length": 64, "n_mels": 16}
SAMPLES = 8000  # of a clip
FRAMES = 126


def write_model(folder, model, feature=LOG_MEL, bins=16, normalization="training_set", window=0.0, registry=None):
    """Write an exported folder whose weights are random."""
    frames = round(window * FRAMES) if window else FRAMES
    standard = normalization == "training_set"
    plain = {
        "feature": {**feature, "normalization": normalization},
        "model": model,
        "audio": {
            "sample_rate": SAMPLES,
            "seconds": 1.0,
            "window_seconds": window,
            "window_hop_seconds": window / 3,
        },
        "classes": ["high", "low", "mid"],
        "shape": [bins, frames],
        "mean": [-40.0] * bins * standard,
        "deviation": [15.0] * bins * standard,
        "temperature": 1.5,
    }
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps(plain))
    registry = registry or Registry.discover()
    torch.manual_seed(0)
    params = {k: v for k, v in model.items() if k != "name"}
    component = registry.get("model", model["name"])
    built = component.build(component.params(**params), (bins, frames), 3)
    safetensors.torch.save_file(built.state_dict(), folder / "weights.safetensors")
    return folder


def small(name):
    return {"name": name, "hidden_dim": 8, "num_layers": 2}


def noise(*shape):
    return 0.1 * np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "window"),
    [
        *(pytest.param(n, 0.0, marks=[pytest.mark.slow] * (n == "cnn2d_lstm")) for n in ARCHITECTURES),
        pytest.param("cnn2d_gru", 0.4, marks=pytest.mark.slow),
    ],
)
def test_onnx_from_the_waveform_gives_what_predict_gives_for_any_batch_and_length(tmp_path, name, window):
    model = load(write_model(tmp_path / "m", small(name), window=window))
    write_onnx(trace(model, "waveform"), model.description, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    assert session.get_inputs()[0].shape == ["batch", "samples"]
    whole = noise(3, SAMPLES)
    [found] = session.run(["probabilities"], {"waveform": whole})
    assert found == pytest.approx(np.stack([model.predict(x) for x in whole]), abs=1e-4)
    for batch, samples in ((1, SAMPLES), (2, SAMPLES // 2), (4, 3 * SAMPLES + 77)):
        x = noise(batch, samples)
        with torch.inference_mode():
            wanted = FromWaveform(model).eval()(torch.from_numpy(x)).numpy()
        assert session.run(None, {"waveform": x})[0] == pytest.approx(wanted, abs=1e-4)
    described = {p.key: json.loads(p.value) for p in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert described["classes"] == ["high", "low", "mid"]
    assert (described["sample_rate"], described["temperature"]) == (8000, 1.5)
    assert onnx.load(tmp_path / "a.onnx").opset_import[0].version >= 18


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * name.startswith("cnn2d")) for name in ARCHITECTURES]
)
def test_onnx_from_the_feature_gives_what_the_model_gives_for_any_batch_and_length(tmp_path, name):
    model = load(write_model(tmp_path / "m", small(name)))
    write_onnx(trace(model, "feature"), model.description, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    assert session.get_inputs()[0].shape == ["batch", 16, "frames"]
    for batch, frames in ((1, FRAMES), (3, 41), (2, 500)):
        x = noise(batch, 16, frames)
        with torch.inference_mode():
            wanted = model.network(torch.from_numpy(x)).softmax(1).numpy()
        assert session.run(None, {"feature": x})[0] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("input_", ["waveform", "feature"])
def test_a_torch_program_needs_nothing_of_genrelab(tmp_path, input_):
    model = load(write_model(tmp_path / "m", small("cnn1d_lstm")))
    write_torch(trace(model, input_), model.description, tmp_path / "a.pt2")
    extra = {"genrelab.json": ""}
    program = torch.export.load(tmp_path / "a.pt2", extra_files=extra)
    assert json.loads(extra["genrelab.json"])["classes"] == ["high", "low", "mid"]
    assert "genrelab" not in str(program.graph)
    if input_ == "waveform":
        x = noise(1, SAMPLES)
        assert program.module()(torch.from_numpy(x))[0].detach().numpy() == pytest.approx(
            model.predict(x[0]), abs=1e-5
        )


@pytest.mark.parametrize("arguments", [(2,), (3, 2, 1), (3, 1, 0, 2), (2, 2, 0, 1, True)])
def test_pooling_as_it_is_traced_is_pooling(arguments):
    x = torch.randn(2, 3, 20)
    with any_length():
        found = torch.nn.MaxPool1d(*arguments[:4], ceil_mode=len(arguments) > 4)(x)
    assert torch.equal(found, torch.nn.MaxPool1d(*arguments[:4], ceil_mode=len(arguments) > 4)(x))


FIXED = """
import attrs
import torch
from torch import nn
from genrelab import Feature, Model, hookimpl

@attrs.frozen
class Params:
    pass

class Positions(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.positions = nn.Parameter(torch.zeros(shape))
        self.head = nn.Linear(shape[0], classes)

    def forward(self, x):
        return self.head((x + self.positions).mean(2))

class Choosy(Positions):
    def forward(self, x):
        if x.mean() > 0:
            x = -x
        return super().forward(x)

@hookimpl
def provide_models():
    return [
        Model("positions", Params, lambda params, shape, classes: Positions(shape, classes)),
        Model("choosy", Params, lambda params, shape, classes: Choosy(shape, classes)),
    ]
"""


@pytest.fixture
def fixed(tmp_path):
    (tmp_path / "fixed.py").write_text(FIXED)
    return Registry.discover([tmp_path / "fixed.py"])


def test_a_model_of_one_length_is_exported_for_that_length_and_says_so(tmp_path, fixed):
    model = load(write_model(tmp_path / "m", {"name": "positions"}, registry=fixed), registry=fixed)
    traced = trace(model, "feature")
    assert traced.fixed
    assert traced.lengths() == [FRAMES]
    write_onnx(traced, model.description, tmp_path / "a.onnx")
    shape = onnxruntime.InferenceSession(tmp_path / "a.onnx").get_inputs()[0].shape
    assert shape == ["batch", 16, FRAMES]


def test_a_model_that_cannot_be_exported_says_why(tmp_path, fixed):
    model = load(write_model(tmp_path / "m", {"name": "choosy"}, registry=fixed), registry=fixed)
    with pytest.raises(WorkError, match=r"torch cannot export model 'choosy': .*[Dd]ata-dependent"):
        trace(model, "feature")


def test_a_feature_that_onnx_cannot_express_says_why(tmp_path):
    feature = {"name": "pcen", "n_fft": 256, "hop_length": 64, "n_mels": 16}
    model = load(write_model(tmp_path / "m", small("cnn1d_gru"), feature, normalization="clip"))
    with pytest.raises(WorkError, match="model 'cnn1d_gru' with feature 'pcen'"):
        write_onnx(trace(model, "waveform"), model.description, tmp_path / "a.onnx")


def test_an_exported_folder_predicts_like_its_run(study, registry, tmp_path, classifier, tone):
    found = export(study, "toy", None, tmp_path / "out", "safetensors", "waveform", registry)
    assert {f.name for f in (tmp_path / "out").iterdir()} == {"README.md", "model.json", "weights.safetensors"}
    model, original = load(tmp_path / "out", registry=registry), classifier("toy")
    assert np.array_equal(model.predict(tone("a.wav")), original.predict(tone("a.wav")))
    assert model.temperature == pytest.approx(original.temperature)
    assert model.description.seed == found.trained.seed == original.description.seed
    card = (tmp_path / "out/README.md").read_text()
    assert "licence of the audio: not stated" in card
    assert f"seed {found.trained.seed}" in card
    with safetensors.safe_open(tmp_path / "out/weights.safetensors", "pt") as file:
        assert set(file.metadata()) == {"genrelab"}
    assert str(tmp_path.parent) not in (tmp_path / "out/model.json").read_text()


def test_the_command_exports_a_program_and_never_overwrites(study, tmp_path, copied):
    experiment = (copied / "experiment.toml").read_text()
    (copied / "experiment.toml").write_text(experiment.replace('licence = ""', 'licence = "CC BY 4.0"'))
    out = tmp_path / "out"
    arguments = ["export", copied, "--candidate", "cnn1d_gru", "--plugin", TOY / "toy.py", "--output", out]
    arguments = [*map(str, arguments), "--format", "torch-export", "--input", "feature"]
    done = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert done.exception is None
    assert done.output.startswith("model.pt2: probabilities within")
    assert (out / "model.pt2").is_file()
    assert json.loads((out / "model.json").read_text())["licence"] == "CC BY 4.0"
    assert "licence of the audio: CC BY 4.0" in (out / "README.md").read_text()
    before = (out / "model.json").stat().st_mtime_ns
    again = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert isinstance(again.exception, InputError)
    assert (out / "model.json").stat().st_mtime_ns == before


def test_a_program_that_is_wrong_on_other_lengths_is_exported_for_its_own(study, registry, tmp_path, monkeypatch):
    def for_one_length(traced, *more):
        if not traced.fixed:
            raise WorkError("differs on other lengths")
        return write_torch(traced, *more)

    monkeypatch.setitem(export.__globals__["_FILES"], "torch-export", ("model.pt2", for_one_length))
    found = export(study, "cnn1d_gru", None, tmp_path / "out", "torch-export", "feature", registry)
    assert found.notes[1] == "model.pt2: only for 50 frames at once: differs on other lengths"


def test_nothing_is_left_of_an_export_that_fails(study, registry, tmp_path, monkeypatch):
    def broken(*_):
        raise WorkError("cannot")

    monkeypatch.setitem(export.__globals__["_FILES"], "onnx", ("model.onnx", broken))
    with pytest.raises(WorkError, match="cannot"):
        export(study, "cnn1d_gru", None, tmp_path / "out", "onnx", "feature", registry)
    assert list(tmp_path.iterdir()) == []
