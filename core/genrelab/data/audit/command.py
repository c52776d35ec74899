"""Audit an experiment: prepare its data, find its leaks, write them down."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from genrelab.config.experiment import Experiment
from genrelab.csv_files import write_csv
from genrelab.data.audit.leaks import KINDS, Leaks, write_leaks
from genrelab.data.prepare import Preparation
from genrelab.plugins.registry import Registry
from genrelab.training.device import use_one_thread

HEADER = ("kind", "name", "track", "subset", "offset", "agreement")


def audit(experiment: Experiment, registry: Registry, out: Path, store: Path) -> Leaks:
    """Find the leaks of an experiment's split; write audit.json and audit.csv (a row for each track of each leak).

    Near-duplicates are looked for in the feature that has most bins and frames.

    Args:
        experiment: whose split it is.
        registry: resolves components.
        out: folder for the results, made if need be.
        store: folder of the feature stores; features are extracted as by a run.

    Raises:
        InputError: no usable tracks, or a split that they do not allow.
    """
    use_one_thread()
    with tempfile.TemporaryDirectory() as folder:  # not `out`: what a split once decided there would stay
        data = Preparation(experiment, registry, Path(folder), store, os.cpu_count() or 1)
    leaks = data.leaks
    write_leaks(out / "audit.json", leaks)
    lines = [
        (leak.kind, leak.name, track, subset, leak.offset, leak.agreement)
        for kind in KINDS
        for leak in leaks.of(kind)
        for track, subset in leak.tracks
    ]
    write_csv(out / "audit.csv", HEADER, lines)
    return leaks
