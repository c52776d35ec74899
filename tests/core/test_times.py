"""Where the time of a study goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genrelab import times as module
from genrelab.config.files import load
from genrelab.plugins.registry import Registry
from genrelab.study.run import run_study
from genrelab.times import WORK, Times, shares, timed
from tests.conftest import TOY

INLINE = Path(__file__).parents[1] / "inline_executor.py"


class Clock:
    """A clock that goes on when it is told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_work_is_summed_over_processes_and_what_is_left_is_told_as_well(clock: Clock) -> None:
    times = Times()
    clock.now += 1  # of the study's own process
    with times.spent("ask"):
        clock.now += 2
    times.under_way(1)
    with times.spent("wait"):
        clock.now += 3
    times.under_way(2)
    with times.spent("wait"):
        clock.now += 10
    times.under_way(0)
    times.add("train", 12)
    times.add("validate", 4)
    total = times.total()
    assert total["wall"] == 16
    assert (total["ask"], total["train"], total["validate"]) == (2, 12, 4)
    assert (total["overhead"], total["other"]) == (3 + 2 * 10 - 12 - 4, 1)
    assert sum(total[kind] for kind in WORK) == (1 + 2) + (3 + 2 * 10)


def test_trainings_under_way_count_up_to_now(clock: Clock) -> None:
    times = Times()
    times.under_way(3)
    with times.spent("wait"):
        clock.now += 5
    assert [times.total()["overhead"], times.total()["overhead"]] == [15, 15]


@pytest.mark.parametrize(("decode", "feature", "other"), [(6.0, 1.0, 3.0), (12.0, 6.0, 0.0)])
def test_an_extraction_has_a_rest_where_no_process_was_at_it(
    clock: Clock, decode: float, feature: float, other: float
) -> None:
    times = Times()
    with times.spent("extract"):
        clock.now += 10
        times.add("decode", decode)
        times.add("feature", feature)
    assert times.total()["other"] == other


def test_a_run_that_goes_on_adds_to_the_times_that_were_kept(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    for _ in range(2):
        times = Times()
        times.open(file)
        with times.spent("log"):
            clock.now += 4
        clock.now += 5
        times.keep()
    kept = json.loads(file.read_text())
    assert kept == times.total()
    assert (kept["log"], kept["other"], kept["wall"]) == (8, 10, 18)


def test_an_epoch_that_another_run_has_begun_is_counted_once(clock: Clock, tmp_path: Path) -> None:
    for epoch in (0, 30):  # ends in the second run
        times = Times()
        times.open(tmp_path / "times.json")
        times.under_way(1)
        with times.spent("wait"):
            clock.now += 20
        times.add("train", epoch)
        times.under_way(0)
        times.keep()
    assert times.total()["train"] == 30
    assert times.total()["overhead"] == 10


def test_times_are_kept_every_ten_seconds_for_the_case_of_a_kill(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    times = Times()
    times.open(file)
    times.add("log", 1)
    assert not file.exists()
    clock.now += 11
    times.add("log", 1)
    assert json.loads(file.read_text())["log"] == 2
    times.add("log", 1)
    assert json.loads(file.read_text())["log"] == 2


def test_a_failure_is_counted_as_well(clock: Clock) -> None:
    times = Times()

    def fail() -> None:
        clock.now += 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), times.spent("ask"):
        fail()
    assert times.total()["ask"] == 1


def test_timed_work_gives_its_result_and_its_seconds(clock: Clock) -> None:
    def work(x: int, y: int) -> int:
        clock.now += 2
        return x + y

    assert timed(work, 1, 2) == (3, 2)


def test_shares_are_of_the_work_of_all_processes() -> None:
    total = dict.fromkeys(WORK, 0.0) | {"train": 1500.0, "ask": 500.0, "wall": 1250.0}
    rows = {kind: (seconds, share) for kind, seconds, share in shares(total)}
    assert rows["train"] == ("1,500.0", "75.0%")
    assert rows["ask"] == ("500.0", "25.0%")
    assert rows["all processes"] == ("2,000.0", "100.0%")
    assert rows["passed"] == ("1,250.0", "1.6 at once")


def test_a_study_counts_what_its_files_tell_and_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = Registry.discover([TOY / "toy.py", INLINE])
    changes = ['executor={name="inline"}', "search={}", "candidate.wide.space={}"]
    changes += ["train.epochs=2", "dataset.clips=8"]

    def run(*seeds: int) -> dict[str, float]:
        found = load(TOY / "toy.toml", registry, [*changes, f"final.seeds={[*seeds]}"])
        run_study(found, registry, tmp_path / "run", tmp_path / "store")
        kept: dict[str, float] = json.loads((tmp_path / "run/times.json").read_text())
        return kept

    def told() -> dict[str, float]:
        lines = [line for file in tmp_path.rglob("metrics.jsonl") for line in file.read_text().splitlines()]
        records = [json.loads(line) for line in lines]
        validating = sum(r["validation_seconds"] for r in records)
        judging = sum(json.loads(f.read_text())["judging_seconds"] for f in tmp_path.rglob("result.json"))
        return {"train": sum(r["seconds"] for r in records) - validating, "validate": validating + judging}

    first = run(1)
    assert {kind: first[kind] for kind in told()} == pytest.approx(told())
    assert min(first[kind] for kind in ("decode", "feature", "train", "validate", "ask", "log")) > 0
    second = run(1, 2)
    assert {kind: second[kind] for kind in told()} == pytest.approx(told())
    assert (second["decode"], second["feature"]) == (first["decode"], first["feature"])  # computed once
    assert second["wall"] > first["wall"]

    for file in tmp_path.rglob("result.json"):  # as if they had been killed before the weights were judged
        file.unlink()
    before = told()["train"]
    third = run(1, 2)
    assert third["train"] == pytest.approx(before)
    assert third["start"] >= second["start"]
