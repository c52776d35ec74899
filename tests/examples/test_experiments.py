"""Every file of experiments/ says what it is for, is valid, and runs: a step of each candidate, on little data."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

from genrelab.cli.main import cli
from genrelab.config.experiment import Experiment
from genrelab.config.files import load
from genrelab.plugins.registry import Registry
from genrelab.study.run import run_study
from genrelab_plugins.datasets._gtzan import GENRES
from tests.conftest import ROOT
from tests.fma_miniature import write_fma

FOLDER = ROOT / "experiments"
FILES = sorted(FOLDER.rglob("*.toml"))
STUDY = sorted((FOLDER / "study").glob("*.toml"))
HONEST = sorted((FOLDER / "honest").glob("*.toml"))
SWEEP, FINAL = STUDY[-2:]
PAGE = (ROOT / "docs/study.md").read_text("utf-8")
FAST = ("study/02", "study/04", "study/15", "honest/fma-large-official", "folder")
"""Files whose step takes no more than a second or two, each kind of dataset but the synthetic among them."""
LISTS = {"train": "train_filtered.txt", "validation": "valid_filtered.txt", "test": "test_filtered.txt"}

REGISTRY = Registry.discover([ROOT / "tests/inline_executor.py"], ROOT)
Step = Callable[[Path], Path]


def name_of(file: Path) -> str:
    return str(file.relative_to(FOLDER).with_suffix(""))


def comment(file: Path) -> str:
    lines = file.read_text("utf-8").splitlines()
    return "\n".join(lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))])


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_file_is_valid_and_says_what_it_asks_what_it_costs_and_what_came_out(file: Path) -> None:
    experiment = load(file, REGISTRY)
    said = comment(file)
    assert said.index("\n# Asks: ") < said.index("\n# Costs: ") < said.index("\n# Came out: ")
    assert experiment.name == (f"study-{file.stem}" if file in STUDY else file.stem)


def test_studies_do_not_share_a_run_directory() -> None:
    names = [load(file, REGISTRY).name for file in FILES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", STUDY, ids=name_of)
def test_every_stage_of_the_study_has_its_data(file: Path) -> None:
    here, there = load(file, REGISTRY), load(FINAL, REGISTRY)
    assert (here.dataset.params, here.split, here.audio, here.feature) == (
        there.dataset.params, there.split, there.audio, there.feature
    )  # fmt: skip
    assert here.dataset.exclude == (() if file in STUDY[:2] else there.dataset.exclude)


@pytest.mark.parametrize("file", [*HONEST, SWEEP], ids=name_of)
def test_only_the_data_differ_from_the_final_four_of_the_study(file: Path) -> None:
    here, there = load(file, REGISTRY), load(FINAL, REGISTRY)
    assert here.candidate == there.candidate
    assert [here.recipe(c) for c in here.candidate] == [there.recipe(c) for c in there.candidate]
    assert (here.search.space, here.search.metric, here.audio) == (
        there.search.space,
        there.search.metric,
        there.audio,
    )


def test_the_page_on_the_study_names_every_file_and_nothing_else() -> None:
    named = set(re.findall(r"(?:study|honest)/[\w-]+(?=\.toml)", PAGE))
    assert named == {name_of(file) for file in [*STUDY, *HONEST]}


def test_the_page_on_the_study_shows_commands_that_there_are() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 5
    for line in lines:
        name, *arguments = shlex.split(line, comments=True)
        assert name == "genrelab"
        command: click.Command = cli
        while isinstance(command, click.Group):
            word = arguments.pop(0)
            found = command.get_command(click.Context(command), word)
            assert found, line
            command = found
        command.make_context(line, arguments)  # raises where it does not know them


def write_gtzan(root: Path) -> None:
    """Write six excerpts of half a second of each genre, and the lists that put two of them into each subset."""
    for number, genre in enumerate(GENRES):
        (root / genre).mkdir(parents=True)
        for i in range(6):
            samples = np.random.default_rng(100 * number + i).normal(0, 0.1, 11025)
            soundfile.write(root / genre / f"{genre}.{i:05d}.wav", samples, 22050)
    for number, name in enumerate(LISTS.values()):
        excerpts = [f"{genre}/{genre}.{i:05d}.wav" for genre in GENRES for i in range(number, 6, 3)]
        (root / name).write_text("\n".join(excerpts) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Miniatures of FMA and GTZAN, and what runs leave behind."""
    folder = tmp_path_factory.mktemp("experiments")
    write_fma(folder / "fma")
    write_gtzan(folder / "gtzan")
    return folder


def small(file: Path, folder: Path) -> Experiment:
    """Read a file with little data, one trial (the first setting), one seed and one epoch, the rest as it is."""
    whole = load(file, REGISTRY)
    changes = ['executor={name="inline"}', "reporter=[]", "audio.seconds=0.5", "train.epochs=1"]
    changes += ["final.seeds=[1]", "final.epochs=1", "final.finalists=1"]
    changes += [f"candidate.{i}.train.epochs=1" for i, c in enumerate(whole.candidate) if c.train]
    if whole.search.trials:
        first = {name: d.values[0] for name, d in whole.search.space.items()}
        table = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in first.items())
        changes += ["search.trials=1", f"search.first=[{{ {table} }}]"]
    if whole.dataset.name == "synthetic":
        changes += ["dataset.clips=48", "dataset.artists=3", "dataset.seconds=1.0"]
    else:
        changes += [f"dataset.root={json.dumps(str(folder / ('fma' if whole.dataset.name == 'fma' else 'gtzan')))}"]
    return load(file, REGISTRY, changes)


@pytest.fixture
def one_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Step]:
    """Run a file in this process, after those whose trials it starts from; return the run directory."""
    monkeypatch.chdir(folder)

    def run(file: Path) -> Path:
        experiment = small(file, folder)
        root = Path("runs") / experiment.name
        for earlier in experiment.search.warm_start:
            run(next(f for f in FILES if load(f, REGISTRY).name == Path(earlier).name))
        run_study(experiment, REGISTRY, root, Path("store"))
        return folder / root

    return run


@pytest.mark.parametrize(
    "file",
    [pytest.param(f, marks=[] if name_of(f).startswith(FAST) else pytest.mark.slow, id=name_of(f)) for f in FILES],
)
def test_each_candidate_of_a_file_makes_a_step_and_is_tested(file: Path, one_step: Step) -> None:
    root = one_step(file)
    with (root / "results.csv").open(newline="") as lines:
        rows = {row["candidate"]: row for row in csv.DictReader(lines)}
    assert list(rows) == [c.name for c in load(file, REGISTRY).candidate]
    assert all(0 <= float(row["f1_macro"]) <= 1 for row in rows.values())


def test_what_is_in_the_test_set_under_another_artist_is_left_out_of_training(one_step: Step) -> None:
    root = one_step(FOLDER / "honest/fma-large-official.toml")
    with (root / "data/tracks.csv").open(newline="") as lines:
        subsets = {row["id"]: row["split"] for row in csv.DictReader(lines)}
    assert subsets["155066"] == "test"
    assert "000005" not in subsets, "the same bytes, in FMA's training set"
    assert (root / "data/duplicates.csv").read_text().splitlines()[1:] == ["000005,train,identical,155066,test"]
