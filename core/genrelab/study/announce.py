"""Tell the reporters of a study that its candidates have been compared."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genrelab.config.choices import structure
from genrelab.config.experiment import ReporterChoice
from genrelab.errors import InputError
from genrelab.events import Compared
from genrelab.plugins.registry import Registry
from genrelab.study.listeners import Listeners
from genrelab.study.rundir import RunDirectory


def announce_comparison(root: Path, comparison: Mapping[str, Any], registry: Registry) -> None:
    """Tell the reporters that the experiment of a run directory names; one that fails is named, and that is all.

    Args:
        root: the run directory.
        comparison: what comparison.json holds.
        registry: resolves the reporters.
    """
    experiment = RunDirectory(root).read()
    chosen = _known(experiment.get("reporter", []), registry, str(RunDirectory(root).experiment))
    with Listeners(chosen, registry) as listeners:
        listeners.tell(Compared(experiment["name"], root, comparison))


def _known(chosen: list[Any], registry: Registry, source: str) -> Iterator[ReporterChoice]:
    """Yield the reporters that can be found: this command may not have been given the plugins of the study."""
    for table in chosen:
        try:
            yield structure(table, ReporterChoice, registry, source)
        except InputError as error:
            print(f"warning: a reporter is not told of the comparison: {error}", file=sys.stderr)  # noqa: T201
