"""Processes that are stopped, at any instant and for seconds: a study goes on to what it would have come to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.abuse.conftest import MODULES
from tests.abuse.forked import Server, serving
from tests.abuse.test_kills import of_study, stage_of_study
from tests.abuse.tiny import prepare, run_arguments
from tests.core.test_processes import descendants

LIMIT = 8.0  # seconds that a training may take: more than it does, less than it is stopped for
ONE = ("search={}", "final.seeds=[1]", "train.epochs=1", "candidate=[{name='one', model={name='linear'}}]")
SLOW = (*ONE, "candidate=[{name='one', model={name='linear', fault='slow'}}]")
SLOW += ("train.epochs=6", "train.batch_size=1", "train.patience=0", f"train.time_limit={LIMIT}")


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    """A server whose commands give files less time than they are stopped for."""
    with serving(*MODULES, "tests.abuse.hasty") as served:
        yield served


class Stop(NamedTuple):
    """What was stopped."""

    who: str
    stage: str


def is_over(process: int) -> bool:
    return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()


def stop(processes: list[int], seconds: float) -> None:
    """Stop processes, and let them go on after so many seconds."""
    for sent in (signal.SIGSTOP, signal.SIGCONT):
        for process in processes:
            try:
                os.kill(process, sent)
            except ProcessLookupError:
                continue
        time.sleep(seconds if sent == signal.SIGSTOP else 0)


def stop_at_random(
    process: int, folder: Path, random: Random, most: int, seconds: tuple[float, float]
) -> list[Stop]:
    """Stop a command, one that it has started, or all of them, again and again until it ends, so often at most."""
    found: list[Stop] = []
    while len(found) < most and not is_over(process):
        time.sleep(random.uniform(0.05, 1.0))
        others = descendants(process)
        who = random.choice(["study", "all", *["worker"] * (2 * bool(others))])
        chosen = {"study": [process], "all": [process, *others], "worker": [random.choice([*others, process])]}[who]
        found.append(Stop(who, stage_of_study(folder)))
        stop(chosen, random.uniform(*seconds))
    return found


def check(
    server: Server, folder: Path, arguments: list[str], stops: int, in_a_row: int, seconds: tuple[float, float]
) -> None:
    """Stop a study so often in all, compare each time that it ends."""

    def ended(name: str, disturb: Callable[[int, Path], Any]) -> Any:
        own = folder / name
        own.mkdir()
        prepare(own)
        disturb(server.start(own, arguments, {}), own)
        assert server.wait().code == 0, (own / "output").read_text()
        outcome = of_study(own)
        shutil.rmtree(own)
        return outcome

    random, found = Random(0), list[Stop]()
    expected = ended("undisturbed", lambda *_: None)
    while len(found) < stops:

        def disturb(process: int, own: Path) -> None:
            found.extend(stop_at_random(process, own, random, in_a_row, seconds))

        assert ended(f"after-{len(found)}", disturb) == expected
    print(f"{len(found)} stops, all ends equal: {dict(Counter(f'{s.who}: {s.stage}' for s in found))}")


def test_a_study_that_is_stopped_again_and_again_ends_as_if_it_had_not_been(server: Server, tmp_path: Path) -> None:
    check(server, tmp_path, run_arguments("study", *ONE), 1, 3, (0.1, 0.3))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "stops", "in_a_row"),
    [
        (["dataset.clips=14", "executor={name='local', workers=2}"], 40, 10),
        (["search.method=bayesian", "search.trials=4", "executor={name='local', workers=1}"], 20, 10),
        ([*ONE, "train.epochs=3", "executor={name='local', workers=1, processes=2}"], 20, 10),
    ],
    ids=["workers", "Ax", "processes"],
)
def test_studies_whose_processes_are_stopped_for_seconds_end_as_if_they_had_not_been(
    hasty: Server, tmp_path: Path, more: list[str], stops: int, in_a_row: int
) -> None:
    arguments = run_arguments("study", "final.seeds=[1]", f"train.time_limit={LIMIT}", *more)
    check(hasty, tmp_path, arguments, stops, in_a_row, (1, 6))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_the_time_for_which_a_training_is_stopped_is_not_of_its_time_limit(
    hasty: Server, tmp_path: Path, processes: int
) -> None:
    prepare(tmp_path)
    local = f"executor={{name='local', workers=1, processes={processes}}}"
    study = hasty.start(tmp_path, run_arguments("study", *SLOW, local), {})
    folder = tmp_path / "study/candidates/one/final/seed-1"
    while not (folder / "metrics.jsonl").exists():
        time.sleep(0.1)
    for _ in range(3):
        training = [p for p in descendants(study) if not descendants(p)]
        stop([training[-1]], 4)
        time.sleep(0.2)
    assert hasty.wait().code == 0, (tmp_path / "output").read_text()
    result = json.loads((folder / "result.json").read_text())
    assert (result["status"], result["message"], result["epochs"]) == ("completed", "", 6)
