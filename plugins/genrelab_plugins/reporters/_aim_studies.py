"""What the dashboard knows of the studies in a repository: a small file each, beside what Aim keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab import StudyStart
from genrelab_plugins.reporters._aim_values import plain

FOLDER = "genrelab"


@attrs.frozen
class Study:
    """A study that is in Aim."""

    name: str
    began: float
    """Seconds since 1970, UTC."""
    searched: Sequence[str]
    """Parameters that the search of every candidate varies."""


def remember(folder: Path, key: str, start: StudyStart) -> Study:
    """Keep in `folder`, the .aim of a repository, that this study is in it."""
    study = Study(start.study, start.time, searched(plain(start.experiment)))
    file = folder / FOLDER / f"{key}.json"
    file.parent.mkdir(exist_ok=True)
    write_whole(file, json.dumps(attrs.asdict(study)) + "\n")
    return study


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a kill leaves none, or all of it."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def studies(folder: Path) -> list[Study]:
    """Return the studies in a repository, the newest first."""
    found = (Study(**json.loads(f.read_text(encoding="utf-8"))) for f in (folder / FOLDER).glob("*.json"))
    return sorted(found, key=lambda study: study.began, reverse=True)


def searched(experiment: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is searched for every candidate, by its place in the runs' parameters."""
    common = list(experiment.get("search", {}).get("space", {}))
    return tuple(_places(common))


def _places(names: list[str]) -> Iterator[str]:
    for name in names:
        table, _, parameter = name.rpartition(".")
        if "." in table and f"{table.partition('.')[0]}.name" in names:
            continue  # of one choice of a component alone, so not every run has it
        # A logarithmic axis is what a learning rate needs, and what Aim does not have.
        yield f"search.{table}.{'log10_' * (parameter == 'learning_rate')}{parameter}"
