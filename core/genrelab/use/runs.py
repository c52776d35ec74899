"""Which training of a run directory is used, and what it needs beside its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np

from genrelab.errors import InputError
from genrelab.files import read_arrays
from genrelab.jobs import JOB_FILE, PREDICTIONS, RESULT
from genrelab.plugins.registry import Registry, guess
from genrelab.study.rundir import RunDirectory
from genrelab.training.weights import WEIGHTS
from genrelab.use.description import Description, parse_description, parse_json, read_json_safely
from genrelab.use.weights import read_header

_HEADER = ("recipe", "audio", "classes", "shape")


@attrs.frozen
class Trained:
    """A final run that is completed."""

    run: RunDirectory
    candidate: str
    seed: int
    folder: Path
    result: dict[str, Any]
    header: dict[str, Any]
    """What its weights carry: recipe, audio, classes, shape."""

    @property
    def weights(self) -> Path:
        """The file of its weights."""
        return self.folder / WEIGHTS

    @property
    def monitored(self) -> float:
        """The validation metric that its training monitored, turned so that more is better."""
        metric = self.header["recipe"]["train"]["monitor"]
        value = float(self.result["metrics"]["validation"][metric])
        return -value if metric == "loss" else value


def choose(root: Path, candidate: str | None, seed: int | None) -> Trained:
    """Return the final run of a candidate that is best on validation, never on test, or that of a seed.

    Args:
        root: a run directory.
        candidate: may be None where there is only one.
        seed: None for the best.

    Raises:
        InputError: no such candidate or seed, or none that is completed.
    """
    folders = {f.name: f for f in sorted((root / "candidates").iterdir())} if (root / "candidates").is_dir() else {}
    if candidate is None and len(folders) != 1:
        raise InputError(f"{root}: name a candidate with --candidate (there are: {', '.join(folders) or 'none'})")
    name = candidate or next(iter(folders))
    if name not in folders:
        raise InputError(f"{root}: no candidate is called {name!r}{guess(name, folders)}")
    found = [
        t
        for f in sorted((folders[name] / "final").glob("seed-*"))
        if (t := _completed(RunDirectory(root), name, f))
    ]
    if seed is not None:
        found, there = [t for t in found if t.seed == seed], [t.seed for t in found]
        if not found:
            raise InputError(f"{root}: {name} has no completed run of seed {seed} (there are: {there})")
    if not found:
        raise InputError(f"{root}: no final run of {name} is completed; genrelab run goes on with it")
    return max(found, key=lambda t: (t.monitored, -t.seed))


def describe(trained: Trained, registry: Registry) -> Description:
    """Return what must be known of a training to use it, but for its temperature and licence.

    Raises:
        InputError: its files do not fit together, or a component is unknown.
    """
    recipe = trained.header["recipe"]
    mean, deviation = _statistics(trained) if recipe["feature"]["normalization"] == "training_set" else ((), ())
    plain = {
        "feature": recipe["feature"],
        "model": recipe["model"],
        **{name: trained.header[name] for name in ("audio", "classes", "shape")},
        "mean": list(mean),
        "deviation": list(deviation),
        "study": trained.run.read()["name"],
        "candidate": trained.candidate,
        "seed": trained.seed,
    }
    return parse_description(plain, registry, str(trained.weights))


def fitted_temperature(trained: Trained) -> float:
    """Return the temperature that calibrates a training's probabilities, fitted on validation.

    Raises:
        InputError: its predictions cannot be read.
    """
    from genrelab.compare.calibration import fit_temperature  # scipy takes long to import

    file = trained.folder / PREDICTIONS
    probabilities, true = _arrays(file, ("validation_probabilities", "validation_true"))
    if probabilities.ndim != 2 or len(probabilities) != len(true) or not len(true):
        raise InputError(f"{file}: has no predictions on validation")
    return fit_temperature(np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).eps), true)


def _completed(run: RunDirectory, candidate: str, folder: Path) -> Trained | None:
    seed = folder.name.removeprefix("seed-")
    if not (folder / RESULT).is_file() or not seed.isdecimal():
        return None
    result = read_json_safely(folder / RESULT)
    if result["status"] != "completed":
        return None
    texts, _ = read_header(folder / WEIGHTS)
    try:
        header = {name: parse_json(texts[name]) for name in _HEADER}
    except (KeyError, ValueError) as error:
        raise InputError(f"{folder / WEIGHTS}: its header is not of a genrelab training: {error}") from error
    return Trained(run, candidate, int(seed), folder, result, header)


def _statistics(trained: Trained) -> tuple[list[float], list[float]]:
    """Return mean and deviation of each bin over the training set."""
    job = read_json_safely(trained.folder / JOB_FILE)
    name = Path(str(job.get("feature", ""))).name  # within the run directory, whatever path it names
    mean, deviation = _arrays(trained.run.data / "features" / name, ("mean", "deviation"))
    return mean.ravel().tolist(), deviation.ravel().tolist()


def _arrays(file: Path, names: tuple[str, str]) -> tuple[Any, Any]:
    arrays = read_arrays(file)
    try:
        return arrays[names[0]], arrays[names[1]]
    except KeyError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
