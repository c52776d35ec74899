"""Reporters that raise, exit or block: named once, and the study neither waits nor fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from genrelab import EpochEnd, Reporter, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart, hookimpl
from genrelab.config.experiment import ReporterChoice
from genrelab.plugins.registry import Entry, Registry
from genrelab.study import listeners
from genrelab.study.listeners import HOOKS, Listeners
from tests.abuse.watch import study

TRIAL = TrialRef("s", "c", "search", 0)
EVENTS = [
    StudyStart("s", Path("run"), {}, {}, ["c"], ["a", "b"], 1),
    TrialStart(TRIAL, Path("run/0"), {}, {}, 2),
    *(EpochEnd(TRIAL, n, {"validation": {"loss": 0.5}}, 1e-3, 1.0, 1.7e9) for n in (1, 2)),
    TrialEnd(TRIAL, "completed"),
    StudyEnd("s", Path("run"), "completed", []),
]
TOLD = [HOOKS[type(event).__name__] for event in EVENTS]


@attrs.frozen
class Params:
    pass


def reporter(on: Callable[[str], object]) -> object:
    """Return a reporter whose every hook calls a function with its own name."""
    made = {name: hookimpl(eval(f"lambda self, event: self.on({name!r})")) for name in HOOKS.values()}
    return type("Listening", (), {**made, "on": staticmethod(on)})()


def listening(monkeypatch: pytest.MonkeyPatch, *reporters: object, background: bool = True) -> Listeners:
    """Return listeners to which these reporters belong, in their order."""
    found = {f"r{n}": Reporter(f"r{n}", Params, lambda _, r=r: r) for n, r in enumerate(reporters)}
    registry = Registry([Entry("reporter", name, "a_plugin", "here") for name in found])
    monkeypatch.setattr(registry, "build", lambda kind, name, params: found[name].build(params))
    return Listeners([ReporterChoice(name, Params(), background) for name in found], registry)


def tell(told: Listeners) -> None:
    with told:
        for event in EVENTS:
            told.tell(event)


@pytest.mark.parametrize("hook", dict.fromkeys(TOLD))
@pytest.mark.parametrize(
    "error", [RuntimeError("full\x1b[2J"), KeyError(), SystemExit(3), KeyboardInterrupt()], ids=repr
)
def test_one_that_raises_is_named_once_and_the_others_hear_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hook: str, error: BaseException
) -> None:
    heard: dict[str, list[str]] = {"bad": [], "good": []}

    def fail(name: str) -> None:
        heard["bad"].append(name)
        if name == hook:
            raise error

    tell(listening(monkeypatch, reporter(fail), reporter(heard["good"].append)))
    assert heard["good"] == TOLD
    until = TOLD[: TOLD.index(hook) + 1]
    assert heard["bad"] == until + ["on_study_end"] * (hook != "on_study_end")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: reporter 'r0' fails in {hook}: {type(error).__name__}")
    assert line.isprintable()


def test_one_that_blocks_delays_nobody_and_the_end_waits_for_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(listeners, "CLOSE_SECONDS", 0.3)
    free, heard = threading.Event(), []
    told = listening(monkeypatch, reporter(lambda _: free.wait(60)), reporter(heard.append))
    before = time.monotonic()
    tell(told)
    assert time.monotonic() - before < 20
    assert heard == TOLD
    free.set()
    assert capsys.readouterr().err == "warning: reporter 'r0' has not done 0.3 s after the last event\n"


def test_one_that_is_a_whole_queue_behind_is_given_up_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(listeners, "QUEUE_SIZE", 3)
    free = threading.Event()
    before = time.monotonic()
    tell(listening(monkeypatch, reporter(lambda _: free.wait(60))))
    assert time.monotonic() - before < 20
    free.set()
    assert capsys.readouterr().err == "warning: reporter 'r0' is 3 events behind\n"


def test_one_that_is_slow_hears_everything_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def listen(name: str) -> None:
        time.sleep(0.02)
        heard.append(name)

    tell(listening(monkeypatch, reporter(listen)))
    assert heard == TOLD


def test_in_the_foreground_its_errors_are_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError(name)

    with pytest.raises(RuntimeError, match="on_study_start"):
        tell(listening(monkeypatch, reporter(fail), background=False))


BLOCKING = """
import time
import attrs
from genrelab import Reporter, hookimpl

@attrs.frozen
class Params:
    pass

class Blocking:
    @hookimpl
    def on_epoch_end(self, event):
        time.sleep(60)

@hookimpl
def provide_reporters():
    return [Reporter("net", Params, lambda _: Blocking())]
"""


def test_a_reporter_that_blocks_for_a_minute_each_epoch_does_not_slow_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(listeners, "CLOSE_SECONDS", 0.5)
    Path("net.py").write_text(BLOCKING)
    before = time.monotonic()
    told = study("train.epochs=4", "reporter=[{name='net'}]", plugin="net.py")
    assert told.code == 0, told
    assert time.monotonic() - before < 60
    assert told.err == "warning: reporter 'net' has not done 0.5 s after the last event\n"
    assert Path("runs/toy/results.md").is_file()
