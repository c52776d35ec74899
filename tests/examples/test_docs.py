"""What README and docs show works as it stands."""

from __future__ import annotations

import inspect
import re
import shlex
import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest
import soundfile

from genrelab import events, hookspecs
from genrelab.config.experiment import Experiment
from genrelab.config.files import parse
from genrelab.plugins.registry import Registry
from tests.conftest import ROOT, Command

LEAST = {
    "name": "x",
    "dataset": {"name": "synthetic"},
    "feature": {"name": "log_mel"},
    "model": {"name": "cnn1d_gru"},
}
LEAST_SEARCH = {
    "trials": 4,
    "space": {
        "train.learning_rate": {"choice": [3e-4, 1e-3]},
        "model.dropout": {"choice": [0.1, 0.3]},
        "train.batch_size": {"choice": [16, 32]},
        "model.num_layers": {"choice": [1, 2]},
    },
}
KEYS = {field.name for field in attrs.fields(Experiment)}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_experiment_in_the_docs_is_valid(page: Path, tmp_path: Path) -> None:
    plugins = [text for text in blocks(page, "python") if "@hookimpl\n" in text]
    for number, text in enumerate(plugins):
        (tmp_path / f"{number}.py").write_text(text)
    registry = Registry.discover(sorted(tmp_path.glob("*.py")))
    for text in blocks(page, "toml"):
        data = tomllib.loads(text)
        if "name" not in data and data.keys() <= KEYS:  # a part of an experiment
            search = {"search": {**LEAST_SEARCH, **data["search"]}} if "search" in data else {}
            data = {**LEAST, **data, **search}
        if "name" in data:
            parse(data, registry, page.name)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_within_the_docs_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_every_hook_has_a_heading_with_its_exact_arguments() -> None:
    headings = set(re.findall(r"^### (.+)$", (ROOT / "docs/hooks.md").read_text(), re.MULTILINE))
    hooks = {n: f for n, f in vars(hookspecs).items() if n.startswith(("provide_", "on_"))}
    assert headings == {f"{n}({', '.join(inspect.signature(f).parameters)})" for n, f in hooks.items()}


def test_every_life_cycle_hook_names_its_event_with_all_fields() -> None:
    page = (ROOT / "docs/hooks.md").read_text("utf-8")
    for name, hook in vars(hookspecs).items():
        if name.startswith("on_"):
            event = getattr(events, hook.__annotations__["event"].removeprefix("events."))
            section = page.partition(f"### {name}(")[2].partition("\n### ")[0]
            assert f"`{event.__name__}`: " in section, name
            told = set(re.findall(r"\w+", section.partition(f"`{event.__name__}`: ")[2]))
            assert {a.name for a in attrs.fields(event)} <= told, name


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    command = next(b.strip() for b in blocks(ROOT / "README.md", "sh") if "tox" in b)
    assert command in (ROOT / ".ci/run").read_text()


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    """A folder with the experiment and the plugin of the README under the names it gives them."""
    (tmp_path / "my-question.toml").write_text(blocks(ROOT / "README.md", "toml")[0])
    (tmp_path / "small_cnn.py").write_text(blocks(ROOT / "README.md", "python")[0])
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    noise = np.random.default_rng(0).standard_normal(40_000)
    soundfile.write(tmp_path / "song.wav", (0.1 * noise).astype("float32"), 22_050)
    return tmp_path


# Data and trainings as small as they can be; what is shown stays what is run.
SMALL = ["dataset.clips=48", "dataset.artists=3", "dataset.seconds=1.0", "audio.seconds=1.0", "train.epochs=1"]
SMALL += ["search.trials=1", "final.seeds=[1]", "final.epochs=1"]


def commands() -> list[str]:
    lines = [line for b in blocks(ROOT / "README.md", "sh") for line in b.splitlines()]
    untried = ("dashboard", "PATH")  # serves until it is stopped; needs a folder of the user's
    return [line for line in lines if line.startswith("genrelab ") and not any(u in line for u in untried)]


def test_every_command_of_the_readme_works(readme: Path, genrelab: Command) -> None:
    shown = commands()
    assert len(shown) >= 5
    for line in shown:
        arguments = shlex.split(line)[1:]
        small = [a for s in SMALL for a in ("--set", s)] if arguments[0] == "run" else []
        done = genrelab(*arguments, *small, timeout=300)
        assert done.returncode == 0, (line, done.stderr)


def test_the_quickstart_command_runs_the_quickstart(readme: Path, genrelab: Command) -> None:
    command = blocks(ROOT / "README.md", "sh")[0]
    assert command.strip().endswith("genrelab run experiments/quickstart.toml")
    done = genrelab("run", "experiments/quickstart.toml", *[a for s in SMALL for a in ("--set", s)], timeout=300)
    assert done.returncode == 0, done.stderr
    assert "val F1-macro" in done.stderr
    for name in ("cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm"):
        assert name in (readme / "runs/quickstart/results.md").read_text()
    assert (readme / "runs/.aim").is_dir()
