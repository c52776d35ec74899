"""Trials of earlier runs of the same search, which a new one knows from the start; their folders are only read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.choices import tables
from genrelab.config.experiment import Candidate, Experiment
from genrelab.errors import InputError
from genrelab.events import TrialRef
from genrelab.files import read_json, write_json
from genrelab.jobs import RESULT
from genrelab.plugins.registry import Registry
from genrelab.study.claim import differences
from genrelab.study.outcomes import outcome_of
from genrelab.study.rundir import RunDirectory, earlier_runs
from genrelab.study.search.plan import Known, Plan, key, make_plan

_SAME = ("dataset", "audio", "split", *(f"search.{k}" for k in ("metric", "at", "against", "constraints")))


def keep_plan(experiment: Experiment, candidate: Candidate, registry: Registry, file: Path) -> Plan:
    """Resolve the search of a candidate; what it knows from earlier runs is read once and kept in a file.

    Raises:
        InputError: see `known_trials`.
    """
    plan = make_plan(experiment, candidate, registry)
    if not experiment.search.warm_start:
        return plan
    if not file.is_file():
        write_json(file, known_trials(experiment, candidate, plan))
    return attrs.evolve(plan, warm=[(settings, values) for settings, values in read_json(file)])


def known_trials(experiment: Experiment, candidate: Candidate, plan: Plan) -> list[Known]:
    """Return the completed trials of a candidate in the runs that its search starts from, no two alike.

    Raises:
        InputError: a directory is no run, or one of another search: what differs is named.
    """
    found: dict[object, Known] = {}
    for run in earlier_runs(experiment.search):
        for settings, values in _trials(run, experiment, candidate, plan):
            found.setdefault(key(settings), (settings, values))
    return list(found.values())


def _trials(run: RunDirectory, experiment: Experiment, candidate: Candidate, plan: Plan) -> Sequence[Known]:
    _check(run.root, run.read(), experiment, candidate)
    found = []
    file = run.search(candidate.name)
    for number, settings in enumerate(read_json(file)["proposals"] if file.is_file() else []):
        trial = TrialRef(experiment.name, candidate.name, "search", number)
        if (result := run.trial(trial) / RESULT).is_file():
            outcome = outcome_of(read_json(result), plan)
            if outcome.status == "completed":
                found.append((settings, outcome.values))
    return found


def _check(root: Path, there: dict[str, Any], experiment: Experiment, candidate: Candidate) -> None:
    here = tables(experiment)
    a = {name: _at(there, name) for name in _SAME} | _of_candidate(there, candidate.name)
    b = {name: _at(here, name) for name in _SAME} | _of_candidate(here, candidate.name)
    differing = differences(a, b)
    if differing:
        path, old, new = differing[0]
        raise InputError(f"search.warm_start: {root} is another search: {path}: {old!r} there, {new!r} here")


def _at(data: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        data = data.get(part, {})
    return data


def _of_candidate(data: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what a candidate trains and searches."""
    own = next((c for c in data["candidate"] if c["name"] == name), None)
    if own is None:
        return {f"candidate {name!r}": None}
    parts = {part: own.get(part, data.get(part)) for part in ("feature", "model", "augment", "scheduler", "train")}
    return {**parts, "space": {**data["search"]["space"], **own.get("space", {})}}
