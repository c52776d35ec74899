"""Read what candidates made of the test set from the run directories of studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from genrelab.compare.costs import read_costs
from genrelab.compare.metrics import Floats, Indices
from genrelab.data.tracks import Tracks, read_tracks
from genrelab.errors import InputError
from genrelab.events import TrialRef
from genrelab.files import read_arrays, read_json
from genrelab.jobs import PREDICTIONS, RESULT
from genrelab.study.rundir import RunDirectory

_GENRES = 2  # without a second one there is nothing to rank
_LEAST = float(np.finfo(np.float64).eps)  # of a probability, as in scikit-learn's log loss


@attrs.frozen
class TestSet:
    """The test tracks that all candidates share."""

    __test__ = False  # for pytest

    classes: tuple[str, ...]
    true: Indices = attrs.field(eq=False)
    """(tracks,) genre indices."""
    clusters: Indices = attrs.field(eq=False)
    """(tracks,) number of the artist; a track whose artist is unknown has a number of its own."""
    content: tuple[tuple[str, str, str, str], ...]
    """Id, genre, artist and digest of each track: what must be the same."""


@attrs.frozen(eq=False)
class Finals:
    """The completed final runs of one candidate."""

    name: str
    seeds: tuple[int, ...]
    probabilities: Floats
    """(seeds, tracks, classes)."""
    validation: tuple[tuple[Floats, Indices], ...]
    """Probabilities and true genres on validation of each run; () where they were not kept."""
    costs: Mapping[str, float]
    """As `read_costs` gives them."""


@attrs.frozen(eq=False)
class Runs:
    """Everything there is to compare."""

    test: TestSet
    finals: tuple[Finals, ...]
    notes: tuple[str, ...]
    """What the reader of the comparison must know."""


def read_runs(roots: Sequence[Path]) -> Runs:
    """Read the candidates of one or several studies on one test set.

    Args:
        roots: run directories, as `genrelab run` writes them. Where there are several, candidates are called
            ``directory/candidate``.

    Raises:
        InputError: no run directory, one given twice, studies whose test sets or genres differ, a test set of one
            genre, files that do not fit together, or no final run at all.
    """
    repeated = [str(r) for i, r in enumerate(roots) if r.resolve() in {other.resolve() for other in roots[:i]}]
    if repeated:
        raise InputError(f"{repeated[0]}: is given twice")
    prefixes = _prefixes(roots)
    first, notes, finals = None, [], []
    for root, prefix in zip(roots, prefixes, strict=True):
        experiment, tracks = open_run(root)
        test = _test_set(tracks)
        if len(set(test.true)) < _GENRES:
            raise InputError(f"{root}: the test set has tracks of fewer than {_GENRES} genres")
        first = first or test
        _check_same(roots[0], first, root, test)
        found, said = _read_study(root, prefix, experiment, test)
        finals += found
        notes += [note for note in (*said, *_cautions(tracks)) if note not in notes]
    if first is None or not finals:
        raise InputError(f"{', '.join(map(str, roots))}: no final run is completed; genrelab run goes on with it")
    return Runs(first, tuple(finals), tuple(notes))


def _prefixes(roots: Sequence[Path]) -> list[str]:
    """Return what goes before the names of candidates: the name of their directory, its path where names repeat."""
    if len(roots) == 1:
        return [""]
    names = [root.resolve().name for root in roots]
    return [f"{name if names.count(name) == 1 else root}/" for name, root in zip(names, roots, strict=True)]


def open_run(root: Path) -> tuple[Mapping[str, Any], Tracks]:
    """Read the experiment and the tracks of a run directory.

    Raises:
        InputError: it is none, or its experiment cannot be read.
        DamagedError: its tracks cannot be read.
    """
    run = RunDirectory(root)
    if not run.experiment.is_file() or not run.tracks.is_file():
        raise InputError(f"{root}: is no run directory (no experiment.toml with data/tracks.csv)")
    return run.read(), read_tracks(run.tracks)


def _test_set(tracks: Tracks) -> TestSet:
    rows = [(t, d) for t, d in zip(tracks.tracks, tracks.digests, strict=True) if t.split == "test"]
    classes = tracks.classes
    numbers: dict[str | int, int] = {}
    clusters = [numbers.setdefault(t.artist or i, len(numbers)) for i, (t, _) in enumerate(rows)]
    true = np.array([classes.index(t.label) for t, _ in rows], np.int64)
    content = tuple((t.id, t.label, t.artist, d) for t, d in rows)
    return TestSet(classes, true, np.array(clusters, np.int64), content)


def _check_same(first_root: Path, first: TestSet, root: Path, test: TestSet) -> None:
    """Refuse to compare on different test sets, and say what differs."""
    if first == test:
        return
    where = f"{root} cannot be compared with {first_root}:"
    if first.classes != test.classes:
        differing = sorted(set(first.classes) ^ set(test.classes))
        raise InputError(f"{where} the genres differ ({', '.join(differing)})")
    known, here = ({row[0]: row for row in t.content} for t in (first, test))
    if other := sorted(known.keys() ^ here.keys()):
        raise InputError(
            f"{where} {len(other)} tracks are in the test set of only one of them, {other[0]!r} among them; "
            "use the same dataset and split, or compare several splits of one experiment with --splits"
        )
    if changed := [i for i, row in here.items() if row != known[i]]:
        raise InputError(
            f"{where} {len(changed)} test tracks differ in audio, genre or artist, {changed[0]!r} among them"
        )
    raise InputError(f"{where} the test tracks are in another order")


def _read_study(
    root: Path, prefix: str, experiment: Mapping[str, Any], test: TestSet
) -> tuple[list[Finals], list[str]]:
    found, notes = [], []
    for candidate in experiment["candidate"]:
        name, seeds = candidate["name"], experiment["final"]["seeds"]
        runs = {}
        for seed in seeds:
            folder = RunDirectory(root).trial(TrialRef(experiment["name"], name, "final", seed))
            if (file := folder / RESULT).is_file() and (result := read_json(file))["status"] == "completed":
                runs[seed] = folder, result
        if len(runs) < len(seeds):
            notes.append(f"{prefix}{name}: only {len(runs)} of {len(seeds)} final runs are completed")
        if runs:
            found.append(_finals(f"{prefix}{name}", runs, test))
    return found, notes


def _finals(name: str, runs: Mapping[int, tuple[Path, Mapping[str, Any]]], test: TestSet) -> Finals:
    arrays = [_predictions(folder / PREDICTIONS, test) for folder, _ in runs.values()]
    results = [result for _, result in runs.values()]
    kept = [a for a in arrays if "validation_probabilities" in a]
    return Finals(
        name,
        tuple(runs),
        np.stack([_normalized(a["probabilities"]) for a in arrays]),
        tuple((_normalized(a["validation_probabilities"]), a["validation_true"]) for a in kept),
        read_costs(results),
    )


def _predictions(file: Path, test: TestSet) -> dict[str, Any]:
    arrays = read_arrays(file)
    try:
        shape, true = arrays["probabilities"].shape, arrays["true"]
    except KeyError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    if shape != (len(test.true), len(test.classes)) or not np.array_equal(true, test.true):
        raise InputError(f"{file}: does not fit the test tracks of data/tracks.csv")
    if not np.isfinite(arrays["probabilities"]).all():
        raise InputError(f"{file}: has probabilities that are no numbers")
    return arrays


def _normalized(probabilities: Any) -> Floats:
    """Return float64 probabilities that are positive and sum to 1: they were kept as float32."""
    p: Floats = np.maximum(probabilities.astype(np.float64), _LEAST)
    p /= p.sum(axis=1, keepdims=True)
    return p


def _cautions(tracks: Tracks) -> list[str]:
    """Say what about the artists makes scores or intervals less sure than they look."""
    trained = {t.artist for t in tracks.tracks if t.split == "train" and t.artist}
    tests = [t.artist for t in tracks.tracks if t.split == "test"]
    if not any(tests):
        return ["no artist is known: tracks are taken as independent, so intervals may be too narrow"]
    known = sum(artist in trained for artist in tests)
    if not known:
        return []
    return [f"{known} of {len(tests)} test tracks are by artists in training: the scores are optimistic"]
