"""Commands that are killed, or told to end, at any instant: run again, they end as if that had never happened."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from genrelab.data.store import FeatureStore
from tests.abuse.forked import Server
from tests.abuse.tiny import SMALL, call, outcome, prepare, run_arguments
from tests.cli.test_aim_sync import content as in_aim
from tests.fma_miniature import write_fma, zip_folder
from tests.http_server import serving as serving_files

STUDY = run_arguments("study", "train.checkpoint_minutes=1e-9")  # a checkpoint after every step
AX = run_arguments("study", "search.method=bayesian", "search.trials=4", "final.seeds=[1]", "train.epochs=1")
MANY = run_arguments("study", "search.trials=1", "final.seeds=[1]", "train.epochs=1", "dataset.clips=10")


class Attack(NamedTuple):
    """A command to kill."""

    arguments: list[str]
    begin: Callable[[Path], object]
    """Makes the empty folder that the command runs in what it finds there."""
    outcome: Callable[[Path], Any]
    """Returns what must be equal in the end."""
    stage: Callable[[Path], str]
    """Says what the command was at when it was killed."""
    in_a_row: int
    """Kills before it is left alone."""
    span: float = 1.0
    """Share of the whole within which it is killed, after each start."""
    sha1: Mapping[str, str] = MappingProxyType({})
    """Of the archives that are fetched."""
    sent: signal.Signals = signal.SIGKILL


def files(folder: Path) -> dict[str, str]:
    """The files of a folder, and the digest of each."""
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in found}


def stored(folder: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    """The clips of each feature store; a writer that goes on after a kill may begin another shard."""
    stores = [FeatureStore(meta.parent) for meta in folder.glob("*/meta.json")]
    return {s.path.name: sorted((d, s.gather(np.array([r])).tobytes()) for d, r in s.rows.items()) for s in stores}


def of_study(folder: Path) -> Any:
    """What a study leaves that is not measured, and which files."""
    root = folder / "study"
    compared = json.loads((root / "comparison.json").read_text())
    candidates = {
        name: {k: c[k] for k in ("scores", "genres", "calibration")} for name, c in compared["candidates"].items()
    }
    data = {
        name: (root / "data" / name).read_text()
        for name in ("leaks.json", "notes.json", "quarantine.csv", "SHA256SUMS")
    }
    state = json.loads((root / "state.json").read_text())["state"]
    return (
        outcome(root),
        candidates,
        compared["pairs"],
        data,
        state,
        [*files(root)],
        stored(folder / ".genrelab/store"),
    )


def stage_of_study(folder: Path) -> str:
    root = folder / "study"
    if not list(root.glob("data/features/*.npz")):
        return "extraction"
    begun = [
        job.parent for job in root.glob("candidates/*/*/*/job.json") if not (job.parent / "result.json").exists()
    ]
    if begun:
        return {"trials": "training of a trial", "selection": "training of a finalist"}.get(
            begun[0].parent.name, "final run"
        )
    return "end of the study" if (root / "results.csv").exists() else "search, between trainings"


def run(server: Server, folder: Path, attack: Attack) -> tuple[int, float]:
    """Run the command to its end; return the number of its instants, and its seconds."""
    begun = time.monotonic()
    server.start(folder, attack.arguments, attack.sha1)
    ended = server.wait()
    assert ended.code == 0, (folder / "output").read_text()
    return ended.instants, time.monotonic() - begun


def is_killed(server: Server, folder: Path, attack: Attack, size: tuple[int, float], random: Random) -> bool:
    """Run the command and send it the signal, at one of its instants or at any time; tell whether that ended it."""
    instants, seconds = size
    if random.random() < 0.5:
        instant = random.randint(1, max(1, round(instants * attack.span)))
        server.start(folder, attack.arguments, attack.sha1, instant + random.choice((0.0, 0.5)), attack.sent)
    else:
        process = server.start(folder, attack.arguments, attack.sha1)
        until = time.monotonic() + random.uniform(0, seconds * attack.span)
        while time.monotonic() < until and "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text():
            time.sleep(0.005)
        os.kill(process, attack.sent)
    code = server.wait().code
    assert code in (0, -attack.sent, 143), (folder / "output").read_text()
    return code != 0


def check(server: Server, folder: Path, attack: Attack, kills: int) -> Counter[str]:
    """Kill a command so often, compare each time that it ends; return what it was at."""

    def begun(name: str) -> Path:
        (folder / name).mkdir()
        attack.begin(folder / name)
        return folder / name

    random, undisturbed = Random(0), begun("undisturbed")
    size = run(server, undisturbed, attack)
    expected, found, rounds = attack.outcome(undisturbed), Counter[str](), 0
    while found.total() < kills:
        rounds += 1
        own = begun(f"round-{rounds}")
        for _ in range(min(attack.in_a_row, kills - found.total())):
            if not is_killed(server, own, attack, size, random):
                break
            found[attack.stage(own)] += 1
        else:
            run(server, own, attack)
        assert attack.outcome(own) == expected
        shutil.rmtree(own)
    command = " ".join(attack.arguments[:2])
    print(f"{command}: {found.total()} {attack.sent.name}s, {rounds} ends, all equal: {dict(found)}")
    return found


def test_a_study_that_is_killed_ends_as_if_it_had_not_been(server: Server, tmp_path: Path) -> None:
    check(server, tmp_path, Attack(SMALL, prepare, of_study, stage_of_study, 3, 0.4), 3)


@pytest.fixture(scope="module")
def done(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that has ended; tests copy it."""
    folder = tmp_path_factory.mktemp("done")
    prepare(folder)
    run(server, folder, Attack(SMALL, prepare, of_study, stage_of_study, 1))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "kills", "in_a_row", "span"),
    [(STUDY, 35, 8, 0.25), (MANY, 14, 3, 0.15), (AX, 10, 8, 0.25)],
    ids=["study", "extraction", "Ax"],
)
def test_studies_that_are_killed_end_as_if_they_had_not_been(
    server: Server, tmp_path: Path, arguments: list[str], kills: int, in_a_row: int, span: float
) -> None:
    check(server, tmp_path, Attack(arguments, prepare, of_study, stage_of_study, in_a_row, span), kills)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "kills"), [("compare", 8), ("report", 8), ("aim-sync", 10)])
def test_commands_that_are_killed_end_as_if_they_had_not_been(
    server: Server, done: Path, tmp_path: Path, command: str, kills: int
) -> None:
    arguments = [command, "study", *(["--repo", "aim"] if command == "aim-sync" else [])]

    def left(folder: Path) -> Any:
        from genrelab_plugins.reporters import _aim_repo  # noqa: F401 -- imports Aim without its warnings

        return in_aim(folder / "aim") if command == "aim-sync" else files(folder / "study")

    def begin(folder: Path) -> None:
        shutil.copytree(done, folder, dirs_exist_ok=True)

    check(server, tmp_path, Attack(arguments, begin, left, lambda _: command, 3), kills)


@pytest.mark.slow
def test_a_fetch_that_is_killed_ends_as_if_it_had_not_been(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, names, sha1 = write_fma(tmp_path / "original", "small"), ("fma_metadata", "fma_small"), {}
    with serving_files() as served:
        for name in names:
            sha1[name.removeprefix("fma_")] = zip_folder(original / name, tmp_path / f"{name}.zip")
            served.files[f"{name}.zip"] = (tmp_path / f"{name}.zip").read_bytes()
        arguments = ["data", "fetch", "fma", "--subset", "small", "--root", "fma", "--url", served.url]

        def stage(folder: Path) -> str:
            unpacking = any((folder / "fma" / f"{name}.zip").exists() for name in names)
            return "unpacking" if unpacking else "download"

        attack = Attack(arguments, lambda _: None, lambda folder: files(folder / "fma"), stage, 5, 0.4, sha1)
        check(server, tmp_path, attack, 15)
    whole = files(tmp_path / "undisturbed/fma")
    assert {name: digest for name, digest in whole.items() if not name.endswith((".complete", ".lock"))} == files(
        original
    )


@pytest.mark.slow
def test_a_study_that_is_told_to_end_is_marked_interrupted_and_ends_as_if_it_had_not_been(
    server: Server, tmp_path: Path
) -> None:
    def stage(folder: Path) -> str:
        state = folder / "study/state.json"
        told = "the same command goes on" in (folder / "output").read_text()
        assert not told or not state.exists() or json.loads(state.read_text())["state"] != "running"
        return f"{stage_of_study(folder)}, {'and says so' if told else 'before it listens'}"

    attack = Attack(STUDY, prepare, of_study, stage, 8, 0.25, sent=signal.SIGTERM)
    check(server, tmp_path, attack, 20)


@pytest.mark.slow
def test_a_clock_that_jumps_changes_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    assert call(*SMALL).exit_code == 0
    expected, random, clock = of_study(tmp_path), Random(0), time.time
    shutil.rmtree(tmp_path / "study")
    shutil.rmtree(tmp_path / ".genrelab")
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: clock() + random.choice((-1, 1)) * random.choice((0, 3600, 1e8)))
        assert call(*SMALL).exit_code == 0
        assert call("show", "study").exit_code == 0
        assert of_study(tmp_path) == expected
        assert call("aim-sync", "study", "--repo", "aim").exit_code == 0
