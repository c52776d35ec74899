"""`genrelab new`: what it writes works at once, and nothing that is there is lost."""

from __future__ import annotations

import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest
import soundfile

from genrelab.cli.main import cli
from genrelab.components import KINDS
from genrelab.config.files import load
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry
from tests.conftest import ROOT

LONG = {"compiles", "onnx"}


def new(*arguments: str) -> None:
    cli.main(["new", *arguments], standalone_mode=False)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_test_file(file: Path, *, long: bool = False) -> None:
    """Run the generated test in this process, once for each of its parameters."""
    [function] = [f for name, f in runpy.run_path(str(file)).items() if name.startswith("test_")]
    [mark] = function.pytestmark
    assert len(mark.args[1]) >= 3
    for param in mark.args[1]:
        [check] = param.values
        if (check.name in LONG) is long and check.name != "device":
            function(check)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "executor"])
def test_a_new_plugin_of_every_kind_is_listed_and_passes_its_own_test(kind: str, folder: Path) -> None:
    new(kind, "my_own")
    source = (folder / "my_own.py").read_text()
    assert len(source.splitlines()) <= 40
    assert "my_own" in source
    assert "# " in source
    assert Registry.discover().get(kind, "my_own").name == "my_own"
    run_test_file(folder / "test_my_own.py")


@pytest.mark.slow
def test_a_new_executor_passes_its_own_test(folder: Path) -> None:
    new("executor", "my_own")
    assert len((folder / "my_own.py").read_text().splitlines()) <= 40
    run_test_file(folder / "test_my_own.py")


@pytest.mark.slow
def test_a_new_model_compiles_and_exports(folder: Path) -> None:
    new("model", "my_own")
    run_test_file(folder / "test_my_own.py", long=True)


def tool(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_new_is_clean_to_ruff() -> None:
    for kind in KINDS:
        new(kind, f"my_own_{kind}")
    new("--package", "my-genres")
    tool("ruff", "check", "--line-length=116", "--select=B,E,F,I,UP,W", "--ignore-noqa", ".")
    tool("ruff", "format", "--check", "--line-length=116", ".")


@pytest.mark.slow
def test_what_is_new_is_typed(folder: Path) -> None:
    for kind in KINDS:
        new(kind, f"my_own_{kind}")
    tool("mypy", "--cache-dir", str(folder / "cache"), *[f"my_own_{kind}.py" for kind in KINDS])


def test_the_registry_keeps_what_is_written_in_it(folder: Path) -> None:
    before = '# mine\r\n[models] # of all sorts\r\nold   = "./old.py"   # do not touch\r\n\r\n[features]\r\n'
    (folder / "registry.toml").write_bytes(before.encode())
    new("model", "young")
    after = (folder / "registry.toml").read_bytes().decode()
    assert tomllib.loads(after) == {"models": {"old": "./old.py", "young": "./young.py"}, "features": {}}
    assert [line for line in after.splitlines() if "young" not in line] == before.splitlines()


def test_the_line_goes_into_the_nearest_registry_above(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "registry.toml").write_text("[models]\n")
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep" / "er")
    new("model", "young")
    assert tomllib.loads((folder / "registry.toml").read_text())["models"] == {"young": "./deep/er/young.py"}
    assert Registry.discover().get("model", "young").name == "young"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model", "cnn1d_gru"], "a model called 'cnn1d_gru' already"),
        (["model", "../evil"], "is no name for a model"),
        (["model", "class"], "is no name for a model"),
        (["model", "Net"], "such as my_net"),
        (["modle", "net"], "did you mean 'model'"),
        (["model"], "expected a KIND and a NAME"),
        (["--package", "../evil"], "expected letters, digits and dashes"),
        (["model", "there"], "there.py is there already"),
        (["model", "there_too"], "there_too.py is there already"),
        (["model", "off"], "has a line for off already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(folder: Path, arguments: list[str], said: str) -> None:
    (folder / "there.py").touch()
    (folder / "test_there_too.py").touch()
    (folder / "registry.toml").write_text('disabled = ["model/off"]\n[models]\noff = "./off.py"\n')
    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    with pytest.raises(InputError, match=said):
        new(*arguments)
    assert {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before


def test_a_distribution_is_not_written_over(folder: Path) -> None:
    new("--package", "my-genres")
    with pytest.raises(InputError, match=r"my-genres/pyproject\.toml is there already"):
        new("--package", "my-genres")


def write_tones(root: Path, seconds: float) -> None:
    for number, genre in enumerate(("high", "low")):
        for i in range(3):
            time = np.arange(int(8000 * seconds)) / 8000
            (root / genre).mkdir(parents=True, exist_ok=True)
            soundfile.write(root / genre / f"{i}.wav", np.sin(700 * (1 + number) * (1 + i) * time), 8000)


@pytest.mark.parametrize(("seconds", "kept"), [(1.5, 1.5), (31.0, 30.0)])
def test_a_new_experiment_is_valid_and_knows_how_long_the_audio_is(seconds, kept, folder, capsys):
    write_tones(folder / "it's mine", seconds)
    new("experiment", "mine", "--root", "it's mine")
    assert f"6 tracks of 2 genres, {kept:g} s each" in capsys.readouterr().out
    experiment = load(folder / "mine.toml", Registry.discover())
    assert experiment.audio.seconds == kept
    assert experiment.dataset.params.root == "it's mine"
    assert [c.name for c in experiment.candidate] == ["recipe", "floor"]


def test_a_new_experiment_has_the_recipe_that_was_compared(folder):
    new("experiment", "mine")
    registry = Registry.discover()
    here, there = load(folder / "mine.toml", registry), load(ROOT / "experiments/recipe.toml", registry)
    assert here.recipe(here.candidate[0]) == attrs.evolve(
        there.recipe(there.candidate[0]), train=here.recipe(here.candidate[0]).train
    )
    train, compared = here.recipe(here.candidate[0]).train, there.recipe(there.candidate[0]).train
    assert train == attrs.evolve(compared, time_limit=0.0, augment_probability=1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["experiment", "a/b"], "no name for an experiment"),
        (["experiment", "mine", "--root", "nowhere"], "is not a folder"),
        (["experiment", "mine", "--root", "empty"], "no audio"),
        (["experiment", "mine", "--root", "broken"], "can be read as audio"),
        (["model", "mine", "--root", "empty"], "--root is for"),
    ],
)
def test_a_new_experiment_that_cannot_be_is_refused_and_nothing_written(arguments, message, folder):
    (folder / "empty").mkdir()
    (folder / "broken" / "rock").mkdir(parents=True)
    (folder / "broken" / "rock" / "a.wav").write_bytes(b"no audio")
    with pytest.raises(InputError, match=message):
        new(*arguments)
    assert not list(folder.glob("*.toml"))


def test_an_experiment_that_is_there_is_not_written_over(folder):
    (folder / "mine.toml").write_text("precious")
    with pytest.raises(InputError, match="there already"):
        new("experiment", "mine")
    assert (folder / "mine.toml").read_text() == "precious"
