"""A run directory as a study leaves it, written without any training."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from genrelab.components import Track
from genrelab.csv_files import write_csv
from genrelab.data.tracks import Tracks, write_tracks
from genrelab.files import append_line, write_json

GENRES = ("Old-Time / <b>[Historic]</b>", "blues", "jazz")
CANDIDATES = ("gru", "lstm")
BEGAN = 1.7e9
"""Seconds since 1970: the first training; each takes 100 seconds."""
EPOCHS = 3
HOSTILE = "<script>alert(1)</script> & <b>x</b>"
POINTS = {"x": [0, 1, 2], "y": [0, 1, 0], "genre": ["jazz", HOSTILE, "jazz"], "title": ["a", HOSTILE, "c"]}


def write_study(root: Path, trials: int = 4, seeds: tuple[int, ...] = (1, 2), reporter: str = "aim") -> Path:
    """Write a study of two candidates with a search over the learning rate and a width of masks.

    Args:
        root: becomes the run directory.
        trials: of each candidate.
        seeds: of the final runs.
        reporter: the only one of the experiment, with the repository beside the run directory.
    """
    places = [(g, i) for g in range(len(GENRES)) for i in range(12)]
    tracks = [Track(f"{g}-{i}", Path(f"{g}-{i}.wav"), GENRES[g], f"{g}{i}", _subset(i)) for g, i in places]
    write_tracks(root / "data/tracks.csv", Tracks(tuple(tracks), tuple(t.id for t in tracks)))
    write_json(root / "data/notes.json", ["2 files are silent"])
    write_json(root / "environment.json", {"python": "3.11", "cores": 2})
    space = {"train.learning_rate": {"low": 1e-4, "high": 1e-2}, "augment.mask.width": {"choice": [4, 8]}}
    experiment: dict[str, Any] = {
        "name": root.name,
        "reporter": [{"name": reporter, "repo": str(root.parent)}] if reporter else [],
        "search": {"trials": trials, "metric": "f1_macro", "space": space},
        "final": {"seeds": seeds},
        "candidate": [{"name": name, "space": {}} for name in CANDIDATES],
    }
    (root / "experiment.toml").write_text(tomli_w.dumps(experiment))
    rng, numbers = np.random.default_rng(0), count(1)
    for name in CANDIDATES:
        folder = root / "candidates" / name
        for trial in range(trials):
            rate, width = 10 ** rng.uniform(-4, -2), [4, 8][trial % 2]
            write_training(folder / "trials" / f"{trial:03d}", rng, next(numbers), rate=rate, width=width)
        for seed in seeds:
            write_training(folder / "final" / f"seed-{seed}", rng, next(numbers), rate=1e-3, width=4, tested=True)
    rows = [[name, len(seeds), 0.75, 1000, "learning_rate=0.001", ""] for name in CANDIDATES]
    header = ("candidate", "seeds", "accuracy", "parameters", "settings", "message")
    write_csv(root / "results.csv", header, rows)
    return root


def write_training(
    folder: Path, rng: np.random.Generator, number: int, *, rate: float, width: int, tested: bool = False
) -> None:
    """Write a training that is the `number`th of its study, with predictions where it is tested."""
    recipe = {
        "model": {"name": folder.parents[1].name, "dropout": 0.1},
        "augment": [{"name": "mask", "width": width}],
        "scheduler": [],
        "train": {"epochs": EPOCHS, "learning_rate": rate},
    }
    settings = {"train.learning_rate": rate, "augment.mask.width": width}
    write_json(folder / "job.json", {"recipe": recipe, "settings": settings})
    scores = [
        {"loss": float(rng.uniform(0.5, 1) / e), "accuracy": 0.5, "f1_macro": float(rng.uniform(0.2, 0.3) * e)}
        for e in range(1, EPOCHS + 1)
    ]
    for epoch, validation in enumerate(scores, 1):
        time = BEGAN + 100 * number + 30 * epoch
        record = {"epoch": epoch, "train": {"loss": 1 / epoch}, "validation": validation, "learning_rate": rate}
        append_line(folder / "metrics.jsonl", record | {"seconds": 30.0, "time": time})
    subsets = ("validation", "test") if tested else ("validation",)
    result = {
        "status": "completed",
        "message": "",
        "epochs": EPOCHS,
        "best_epoch": EPOCHS,
        "parameters": 1000,
        "epoch_seconds": 30.0,
        "seconds": 95.0,
        "metrics": dict.fromkeys(subsets, scores[-1]),
        "confusion": dict.fromkeys(subsets, rng.integers(0, 9, (3, 3)).tolist()),
    }
    write_json(folder / "result.json", result)
    if tested:
        true = np.repeat(np.arange(3), 8)
        p = rng.dirichlet([1, 1, 1], len(true)) + np.eye(3)[true] / 3
        np.savez(folder / "predictions.npz", probabilities=(p * 3 / 4).astype(np.float32), true=true)


def write_findings(study: Path) -> None:
    """Add what the end of a search and a report leave to look at."""
    for name in CANDIDATES:
        write_json(study / "candidates" / name / "analysis.json", analysis())
    write_json(study / "report/data/tsne.json", dict.fromkeys(CANDIDATES, POINTS))


def analysis(**more: Any) -> dict[str, Any]:
    """What a search leaves: three completed trials and a failed one."""
    trials = [
        {
            "number": i,
            "status": "completed",
            "settings": {"train.learning_rate": 10.0**-i, "model.cell": cell, "model.dropout": 0.1 * i},
            "values": {"loss": 1.0 + i},
            "best_so_far": 1.0,
        }
        for i, cell in enumerate(("gru", "lstm", "gru"), 1)
    ]
    trials.append({**trials[0], "number": 4, "status": "failed", "values": {}})
    curve = {"x": [0.1, 0.2], "mean": [1.0, 0.9], "sem": [0.1, 0.2]}
    slices = {"train.learning_rate": curve, "model.dropout": curve}
    found = {"metric": "loss", "maximize": False, "trials": trials, "slices": slices}
    return found | {"importance": {"train.learning_rate": 0.7, "model.dropout": 0.3}} | more


def _subset(i: int) -> str:
    return "test" if i < 8 else "train" if i < 11 else "validation"
