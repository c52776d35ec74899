"""The JSON schema of experiment files, checked with the jsonschema package."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from genrelab.config.schema import experiment_schema
from genrelab.plugins.registry import Registry
from tests.conftest import ROOT, Command

SCHEMA = experiment_schema(Registry.discover(start=ROOT))
validator = Draft7Validator(SCHEMA)
BASE: dict[str, Any] = {
    "name": "x",
    "dataset": {"name": "synthetic"},
    "feature": {"name": "log_mel"},
    "model": {"name": "cnn1d_gru"},
}


def problems(data: Any) -> list[str]:
    return [error.message for error in validator.iter_errors(data)]


def shown() -> list[Any]:
    """Every experiment that ships or stands in the docs."""
    texts = [(f.name, f.read_text("utf-8")) for f in sorted((ROOT / "experiments").rglob("*.toml"))]
    pages = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for page in (p for p in pages if p.name != "plugins.md"):  # there the model is the reader's own
        blocks = re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
        texts += [(page.name, b) for b in blocks if {"name", "dataset"} <= tomllib.loads(b).keys()]
    return [pytest.param(tomllib.loads(text), id=name) for name, text in texts]


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA, allow_nan=False)


@pytest.mark.parametrize("data", [BASE, *shown()])
def test_what_is_valid_is_valid(data: Any) -> None:
    assert problems(data) == []


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "x"},
        {"seed": -1},
        {"seed": "1"},
        {"feature": {"name": "log_mell"}},
        {"feature": {"name": "log_mel", "n_mel": 64}},
        {"feature": {"name": "log_mel", "n_mels": 64.5}},
        {"feature": {"name": "log_mel", "n_mels": 100_000}},
        {"feature": {"name": "log_mel", "normalization": "all"}},
        {"feature": {"n_mels": 64}},
        {"model": {"name": "cnn1d_gru", "dropout": 0.9}},
        {"model": {"name": "log_mel"}},
        {"model": None},
        {"augment": {"name": "spec_mask"}},
        {"augment": [{"name": "spec_mask", "probability": 2}]},
        {"train": {"epochs": 0}},
        {"train": {"optimizer": "lion"}},
        {"train": {"tf32": "yes"}},
        {"search": {"space": {"train.epochs": {"lo": 1}}}},
        {"search": {"space": {"train.epochs": "asked"}}},
        {"final": {"seeds": 3}},
        {"candidate": [{"model": {"name": "cnn1d_gru"}}]},
    ],
    ids=str,
)
def test_what_is_wrong_is_found(change: dict[str, Any]) -> None:
    data = {key: value for key, value in {**BASE, **change}.items() if value is not None}
    assert problems(data) != []


@pytest.mark.parametrize("key", ["name", "dataset", "feature", "model"])
def test_what_is_required_is_missed(key: str) -> None:
    assert problems({k: v for k, v in BASE.items() if k != key}) != []


def test_every_key_of_a_model_is_explained_with_its_range_and_default() -> None:
    [model] = [m for m in SCHEMA["definitions"]["model"]["oneOf"] if m["title"] == "cnn1d_gru"]
    dropout = model["properties"]["dropout"]
    assert {"type": "number", "minimum": 0.0, "maximum": 0.6, "default": 0.3}.items() <= dropout.items()
    assert dropout["description"]
    assert all(field.get("description") for field in SCHEMA["properties"]["train"]["properties"].values())
    assert all(field.get("description") for field in SCHEMA["properties"]["search"]["properties"].values())


def test_plugins_of_ones_own_are_known_and_broken_ones_only_by_name(tmp_path: Path, genrelab: Command) -> None:
    (tmp_path / "net.py").write_text((ROOT / "core/genrelab/templates/model.py").read_text())
    (tmp_path / "bad.py").write_text("import no_such_package")
    (tmp_path / "registry.toml").write_text('[models]\nmy_model = "./net.py"\nbad = "./bad.py"\n')
    done = genrelab("schema", "--output", "schema.json")
    assert done.returncode == 0, done.stderr
    mine = Draft7Validator(json.loads((tmp_path / "schema.json").read_text()))
    assert mine.is_valid({**BASE, "model": {"name": "my_model", "channels": 8}})
    assert not mine.is_valid({**BASE, "model": {"name": "my_model", "channels": 1}})
    assert mine.is_valid({**BASE, "model": {"name": "bad", "anything": 1}})


def test_the_reference_of_experiment_files_is_current() -> None:
    page = runpy.run_path(str(ROOT / "docs/reference.py"))
    assert page["reference"]() == page["PAGE"].read_text("utf-8"), "run: python docs/reference.py"


def test_the_schema_of_what_ships_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom genrelab.config.schema import experiment_schema\n"
        "from genrelab.plugins.registry import Registry\nexperiment_schema(Registry.discover())\n"
        "print({'torch', 'numpy', 'ax', 'aim'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
