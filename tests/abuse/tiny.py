"""A study so small that it runs in a second in this process, for tests that need many."""

from __future__ import annotations

import csv
import json
import shutil
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import safetensors.numpy
from click.testing import CliRunner, Result

from genrelab.cli.main import cli
from genrelab.errors import GenrelabError
from genrelab.files import how_to_go_on
from tests.conftest import ROOT, TOY

MEASURED = ("seconds", "earlier_seconds", "epoch_seconds", "judging_seconds", "clips_per_second", "peak_memory")
"""What two equal runs do not share."""
KINDS = {"datasets": "tones", "features": "spectrum", "models": "linear", "reporters": "recorder"}
SETTINGS = (
    *("search.method=sobol", "train.epochs=2", "audio.seconds=0.5", "dataset.clips=4", "dataset.artists=4"),
    'executor={name="inline"}',
)


def prepare(folder: Path) -> None:
    """Make a folder ready to run toy.toml in."""
    for file in TOY.glob("toy.*"):
        shutil.copy(file, folder)
    lines = [f'[{kind}]\n{name} = "./toy.py"\n' for kind, name in KINDS.items()]
    inline = ROOT / "tests/inline_executor.py"
    (folder / "registry.toml").write_text("".join(lines) + f"[executors]\ninline = {json.dumps(str(inline))}\n")


def run_arguments(root: str | Path, *more: str) -> list[str]:
    settings = [argument for setting in (*SETTINGS, *more) for argument in ("--set", setting)]
    return ["run", "toy.toml", "--run-dir", str(root), *settings]


def call(*arguments: str | Path) -> Result:
    """Run a command in this process and the current folder.

    Neither an error of genrelab's own nor one of the system gives the user a traceback; any other fails the test.
    """
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    error = result.exception
    told = isinstance(error, GenrelabError | SystemExit | None) or (isinstance(error, OSError) and error.strerror)
    assert told, "".join(traceback.format_exception(*result.exc_info or ()))
    return result


def said(result: Result) -> str:
    """Return the line that the user is told."""
    error = result.exception
    return how_to_go_on(error) if isinstance(error, OSError) else str(error)


def outcome(root: Path) -> dict[str, Any]:
    """Everything that two equal runs must share, by path."""
    found: dict[str, Any] = {}
    for file in sorted(root.rglob("result.json")):
        name, result = str(file.parent.relative_to(root)), json.loads(file.read_text())
        weights = safetensors.numpy.load_file(file.parent / "best.safetensors")
        lines = (file.parent / "metrics.jsonl").read_text().splitlines()
        found[name] = {k: v for k, v in result.items() if k not in MEASURED}
        found[name] |= {"weights": {k: v.tolist() for k, v in weights.items()}}
        found[name] |= {"lines": [json.loads(line)["validation"] for line in lines]}
    for file in sorted(root.rglob("search.json")):
        found[str(file.relative_to(root))] = json.loads(file.read_text())["proposals"]
    with (root / "results.csv").open(newline="") as lines:
        found["table"] = [{k: v for k, v in row.items() if k != "epoch_seconds"} for row in csv.DictReader(lines)]
    found["tracks"] = (root / "data/tracks.csv").read_text()
    return found


def slow_but(some: set[tuple[str, str]], every: Iterable[tuple[str, str]]) -> list[Any]:
    """Return pairs, of which all but some are for the slow tests."""
    return [pytest.param(*pair, marks=() if pair in some else pytest.mark.slow) for pair in every]


SMALL = run_arguments("study", "search.trials=2", "final.seeds=[1]", "train.epochs=1")
