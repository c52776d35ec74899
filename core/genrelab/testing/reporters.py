"""What every reporter must do. It is built in an empty folder that is thrown away."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import attrs

from genrelab.components import Reporter
from genrelab.events import EpochEnd, Exploration, Status, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab.plugins.loading import PluginError, listen
from genrelab.study.listeners import HOOKS
from genrelab.testing.checks import BrokenError, blaming, require

Event = StudyStart | TrialStart | EpochEnd | TrialEnd | StudyEnd | Exploration
FIX = "let everything be missing that another hook would have brought: a study goes on, and fails, anywhere"


def hooks(reporter: Reporter, params: Any) -> None:
    """It has at least one life-cycle hook, and none that does not exist."""
    with _folder():
        built = reporter.build(params)
    fix = "mark methods with @hookimpl, with names and the argument `event` as in docs/hooks.md"
    try:
        manager = listen(built, reporter.name)
    except PluginError as error:
        raise BrokenError(str(error), fix) from error
    listening = [name for name in HOOKS.values() if getattr(manager.hook, name).get_hookimpls()]
    require(bool(listening), "listens to nothing", fix)


def whole_study(reporter: Reporter, params: Any) -> None:
    """It survives a study from start to end, and a second one after it."""
    events: tuple[Event, ...] = _study()
    _tell(reporter, params, {"a study, and another": events + events})


def every_stage(reporter: Reporter, params: Any) -> None:
    """It survives trials, trainings of finalists and final runs."""
    start, begin, epoch, end, over = _study()
    trials = [
        _TRIAL,
        attrs.evolve(_TRIAL, stage="selection", number=1, seed=101),
        attrs.evolve(_TRIAL, stage="final"),
    ]
    told = [attrs.evolve(event, trial=trial) for trial in trials for event in (begin, epoch, end)]
    _tell(reporter, params, {"a study with every stage": [start, *told, over]})


def going_on(reporter: Reporter, params: Any) -> None:
    """It survives a study that goes on: trainings end that were started before, epochs come again."""
    start, _, epoch, end, over = _study()
    again: list[Event] = [attrs.evolve(start, done=2), epoch, epoch, end, end, over]
    _tell(reporter, params, {"a study that goes on": again})


def exploration(reporter: Reporter, params: Any) -> None:
    """It survives a look at the data, before a study and after it."""
    facts = {"tracks": "3", "largest : smallest genre": "1.5"}
    event = Exploration("conformance", Path("look"), {"name": "conformance"}, facts, ["1 is short"], ())
    _tell(reporter, params, {"an exploration, a study and an exploration": [event, *_study(), event]})


def any_order(reporter: Reporter, params: Any) -> None:
    """It survives every order of events, and any of them missing."""
    events: tuple[Event, ...] = _study()
    missing = [events[:i] + events[i + 1 :] for i in range(len(events))]
    orders = (*missing, events[::-1], events[2:] + events[:2])
    _tell(reporter, params, {", ".join(type(e).__name__ for e in order): order for order in orders})


def bad_ends(reporter: Reporter, params: Any) -> None:
    """It survives trainings that end in every way but well, with no metrics and no number at all."""
    start, begin, _, _, over = _study()
    last = attrs.evolve(over, status="failed", rows=())
    statuses: tuple[Status, ...] = tuple(s for s in get_args(Status) if s != "completed")
    ends = [TrialEnd(_TRIAL, status, "RuntimeError: no <b>memory</b> [red]\x1b[2J") for status in statuses]
    _tell(reporter, params, {f"a training that is {end.status}": [start, begin, end, last] for end in ends})


def strange_values(reporter: Reporter, params: Any) -> None:
    """It survives NaN, and names that could be markup, escapes or paths."""
    name = "<script>[bold]Ænima/../ %s {x} \U0001f3b5"
    trial = TrialRef(name, name, "final", 7)
    start, begin, epoch, end, over = _study()
    scores = {"train": {"loss": math.nan}, "validation": {"loss": math.inf}}
    events: list[Event] = [
        attrs.evolve(start, study=name, candidates=[name], classes=[name, "b"], notes=[name]),
        attrs.evolve(begin, trial=trial, parameters={"model.dropout": math.nan}),
        attrs.evolve(epoch, trial=trial, metrics=scores, learning_rate=0.0),
        attrs.evolve(end, trial=trial, metrics={}, confusion={}, objective=None),
        attrs.evolve(over, study=name),
    ]
    _tell(reporter, params, {"strange names and values": events})


def events_untouched(reporter: Reporter, params: Any) -> None:
    """It leaves events as they are: other reporters get the same ones."""
    events = _study()
    before = copy.deepcopy(events)
    _tell(reporter, params, {"a study": events})
    changed = [type(a).__name__ for a, b in zip(events, before, strict=True) if a != b]
    require(not changed, f"changes {', '.join(changed)}", "copy what you change: dict(event.metrics)")


CHECKS = (
    hooks,
    whole_study,
    every_stage,
    going_on,
    exploration,
    any_order,
    bad_ends,
    strange_values,
    events_untouched,
)

_TRIAL = TrialRef("conformance", "candidate", "search", 0)


def _study() -> tuple[StudyStart, TrialStart, EpochEnd, TrialEnd, StudyEnd]:
    """Return the events of a study with one training of one epoch."""
    scores = {s: {"loss": 1.5, "accuracy": 0.25, "f1_macro": 0.2} for s in ("train", "validation")}
    tables = {"model": {"name": "net"}, "train": {"epochs": 1}}
    return (
        StudyStart(
            "conformance", Path("run"), {"name": "conformance"}, {"torch": "0"}, ["candidate"], ["a", "b"], 1
        ),
        TrialStart(_TRIAL, Path("run/0"), {"model.dropout": 0.5}, tables, epochs=1),
        EpochEnd(_TRIAL, 1, scores, learning_rate=1e-3, seconds=0.5, time=1.7e9),
        TrialEnd(_TRIAL, "completed", "", 1, 1, scores, {"validation": [[1, 0], [1, 2]]}, 10, 0.5, 1.5),
        StudyEnd("conformance", Path("run"), "completed", [{"candidate": "candidate", "accuracy": "25.00"}]),
    )


def _tell(reporter: Reporter, params: Any, cases: Mapping[str, Iterable[Event]]) -> None:
    """For each case tell a new reporter events in their order, and a study's end at last, so that it lets go."""
    with _folder() as folder:
        for number, (what, events) in enumerate(cases.items()):
            (folder / str(number)).mkdir()
            os.chdir(folder / str(number))
            manager = listen(reporter.build(params), reporter.name)
            for event in (*events, _study()[-1]):
                hook = HOOKS[type(event).__name__]
                with blaming(f"in {hook}, for {what}", FIX):
                    getattr(manager.hook, hook)(event=event)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    # A reporter may still hold a file open when the folder goes, and may write to the terminal.
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        yield Path(folder)
        gc.collect()
