"""A deleted or truncated file of each kind: it is named, made again where it can be, and never silently used."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genrelab.errors import GenrelabError
from tests.abuse.tiny import call, outcome, prepare, run_arguments, slow_but

TRAINING = ("job.json", "metrics.jsonl", "checkpoint.pt", "best.safetensors", "result.json")
KINDS = (
    *(
        "experiment.toml",
        "environment.json",
        "state.json",
        "results.csv",
        "results.md",
        "comparison.json",
        "times.json",
    ),
    *(f"data/{name}" for name in ("tracks.csv", "quarantine.csv", "leaks.json", "notes.json", "SHA256SUMS")),
    *("data/features/*.npz", "candidates/wide/search.json", "candidates/wide/analysis.json"),
    *(f"candidates/wide/{of}/{n}" for of in ("trials/000", "selection/1-seed-101") for n in TRAINING),
    *(f"candidates/wide/final/seed-1/{name}" for name in (*TRAINING, "predictions.npz")),
)
NOT_USED_AGAIN = ("trials/000/best.safetensors", "1-seed-101/best.safetensors", "checkpoint.pt")  # may be deleted
DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "deleted": lambda _: None,
    "emptied": lambda _: b"",
    "halved": lambda raw: raw[: len(raw) // 2],
    "less a line": lambda raw: raw[: raw.rstrip(b"\n").rfind(b"\n") + 1],
}
FEW = {
    ("data/tracks.csv", "less a line"),
    ("candidates/wide/final/seed-1/best.safetensors", "halved"),
    ("candidates/wide/trials/000/result.json", "emptied"),
}
ALL = [(kind, damage) for kind in KINDS for damage in DAMAGES]
READERS = {
    "compare": ("compare", "study"),
    "runs": ("runs", "study"),
    "show": ("show", "study"),
    "show a training": ("show", "study/candidates/wide/final/seed-1"),
    "predict": ("predict", "study", "tones/low-0.wav", "--candidate", "wide", "--seed", "1"),
    "aim-sync": ("aim-sync", "study", "--repo", "aim"),
    "report": ("report", "study"),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A study that has ended, in the folder that tests run in, and what it came to."""
    folder = tmp_path_factory.mktemp("damage")
    prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert call(*run_arguments("undisturbed")).exit_code == 0
        yield folder, outcome(folder / "undisturbed")


def damaged(folder: Path, kind: str, damage: str) -> Path:
    """Copy the study and damage a file of it."""
    shutil.rmtree(folder / "study", ignore_errors=True)
    shutil.copytree(folder / "undisturbed", folder / "study")
    file = next((folder / "study").glob(kind))
    harm(file, damage)
    return file


def harm(file: Path, damage: str) -> None:
    left = DAMAGES[damage](file.read_bytes())
    file.unlink() if left is None else file.write_bytes(left)


@pytest.mark.parametrize(("kind", "damage"), slow_but(FEW, ALL))
def test_a_run_makes_again_what_is_damaged(undisturbed: Any, kind: str, damage: str) -> None:
    folder, expected = undisturbed
    file = damaged(folder, kind, damage)
    done = call(*run_arguments("study"))
    if done.exit_code:
        assert file.name in str(done.exception)  # so it is named, and the user decides
        assert kind == "experiment.toml"
        return
    if not kind.endswith(NOT_USED_AGAIN):
        assert file.is_file()
        assert outcome(folder / "study") == expected


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_other_commands_name_what_is_damaged(undisturbed: Any, reader: str) -> None:
    folder, _ = undisturbed
    for kind, damage in ALL:
        if damage == "less a line" and Path(kind).suffix not in (".csv", ".jsonl", ".toml"):
            continue
        damaged(folder, kind, damage)
        done = call(*READERS[reader])
        if done.exit_code:
            assert isinstance(done.exception, GenrelabError), (kind, damage)
            assert str(done.exception).startswith("study"), (kind, damage)


FILES_OF_STORE = ("meta.json", "index.bin", "files.bin", "shard-00000.f16", "quarantine.jsonl")
FEW_OF_STORE = {("shard-00000.f16", "halved")}
ALL_OF_STORE = [(file, damage) for file in FILES_OF_STORE for damage in ("deleted", "emptied", "halved")]


@pytest.mark.parametrize(("kind", "damage"), slow_but(FEW_OF_STORE, ALL_OF_STORE))
def test_a_damaged_feature_store_is_made_again(undisturbed: Any, kind: str, damage: str) -> None:
    folder, expected = undisturbed
    shutil.rmtree(folder / "store", ignore_errors=True)
    shutil.rmtree(folder / "study", ignore_errors=True)
    shutil.copytree(folder / ".genrelab/store", folder / "store")
    [file] = (folder / "store").glob(f"*/{kind}")
    harm(file, damage)
    done = call(*run_arguments("study"), "--store", "store")
    assert done.exit_code == 0, done.exception
    assert outcome(folder / "study") == expected
