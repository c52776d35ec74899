"""Run directories that no training has made, as large as a report must be able to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tomli_w

from genrelab.components import Track
from genrelab.csv_files import write_csv
from genrelab.data.tracks import Tracks, write_tracks
from genrelab.files import append_line, write_json
from genrelab.times import WORK
from genrelab.training.metrics import confusion_matrix, per_genre, scores

HOSTILE = "<script>alert('1')</script> & $x^2$ | [a](b)"
LONG = "Old-Time / Historic and other music that has a very long name"
RATES, DROPS, NORMS = np.geomspace(1e-4, 1e-2, 15), np.linspace(0.1, 0.6, 15), ["minmax", "clip", "band"]
SPACE: dict[str, Any] = {
    "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "model.dropout": {"low": 0.1, "high": 0.6},
    "model.hidden_dim": {"choice": [16, 32, 64]},
    "feature.normalization": {"choice": NORMS},
}
RECIPE: dict[str, Any] = {
    "feature": {"name": "log_mel", "normalization": "minmax"},
    "model": {"name": "cnn1d_gru", "hidden_dim": 16, "dropout": 0.2},
    "augment": [{"name": "spec_mask"}],
    "scheduler": [],
    "train": {"learning_rate": 1e-3, "optimizer": "adam", "loss": "cross_entropy", "batch_size": 16},
}
CHOSEN = {
    "train.learning_rate": 1e-3,
    "model.dropout": 0.2,
    "model.hidden_dim": 16,
    "feature.normalization": "minmax",
}


@attrs.frozen
class Plan:
    """How large a study is, and how far it has come."""

    genres: int = 3
    candidates: int = 2
    trials: int = 3
    seeds: int = 2
    artists: int = 6
    """Of each genre; a third of them is tested."""
    ended: bool = True
    """Whether searches and final runs are completed."""


def write_study(root: Path, plan: Plan | None = None) -> Path:
    """Write a run directory: everything but weights and audio."""
    plan, rng = plan or Plan(), np.random.default_rng(0)
    genres = sorted([HOSTILE, LONG, *[f"genre {i:02d}" for i in range(plan.genres)]][: plan.genres])
    names = [f"candidate-{i:02d}{'-with-a-rather-long-name' * (i % 3 == 1)}" for i in range(plan.candidates)]
    tracks = [
        _track(genre, g, a, i) for g, genre in enumerate(genres) for a in range(plan.artists) for i in (0, 1, 2)
    ]
    write_tracks(root / "data/tracks.csv", Tracks(tuple(tracks), tuple(t.id for t in tracks)))
    _write_plan(root, plan, names)
    true = np.array([genres.index(t.label) for t in tracks if t.split == "test"])
    for number, name in enumerate(names):
        _search(root / "candidates" / name, plan, number, rng)
        for seed in range(1, plan.seeds + 1):
            folder = root / f"candidates/{name}/final/seed-{seed}"
            _train(folder, 6 + int(rng.integers(6)), 0.3 + 0.03 * number, rng)
            if plan.ended:
                _finish(folder, true, genres, number, rng)
    return root


def _track(genre: str, g: int, artist: int, i: int) -> Track:
    split, title = ("test", "validation", "train")[artist % 3], HOSTILE if i == 0 else f"piece {i}"
    return Track(f"{g}-{artist}-{i}", Path(f"/nowhere/{g}-{artist}-{i}.ogg"), genre, f"a{g}-{artist}", split, title)


def _write_plan(root: Path, plan: Plan, names: list[str]) -> None:
    experiment = {
        "name": root.name,
        "audio": {"sample_rate": 22050, "seconds": 4.0, "cut": "start"},
        "dataset": {"name": "audio_folder"},
        "split": {"by": "artist"},
        "search": {"trials": plan.trials, "metric": "f1_macro", "space": SPACE},
        "final": {"seeds": list(range(1, plan.seeds + 1))},
        "candidate": [{"name": name, "space": {}} for name in names],
    }
    (root / "experiment.toml").write_text(tomli_w.dumps(experiment))
    environment = {"python": "3.11", "platform": "Linux", "packages": {"torch": "2.9"}, "git_revision": "abc123"}
    write_json(root / "environment.json", {**environment, "command": ["genrelab", "run", "a b.toml"]})
    write_json(root / "times.json", {**dict.fromkeys(WORK, 0.0), "train": 93.0, "ask": 7.0, "wall": 50.0})
    write_json(root / "data/notes.json", [f"{HOSTILE}: 2 artists, none in validation"])
    lost = [(f"lost-{i}", f"/nowhere/{i}.mp3", "silent", HOSTILE) for i in range(2)]
    write_csv(root / "data/quarantine.csv", ("id", "path", "reason", "message"), lost)
    leak = {"kind": "album", "name": HOSTILE, "tracks": [("0-0-0", "test"), ("0-2-0", "train")]}
    found = {
        "leaks": [{**leak, "offset": 0.0, "agreement": 1.0}],
        "test_tracks": 18,
        "near_duplicates_unsearched": "",
    }
    write_json(root / "data/leaks.json", found)


def _train(folder: Path, epochs: int, level: float, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    for epoch in range(1, epochs + 1):
        f1 = level + 0.3 * (1 - 0.8**epoch) + 0.02 * rng.standard_normal()
        record = {
            "epoch": epoch,
            "train": {"loss": 2.6 * 0.9**epoch},
            "validation": {"loss": 2.5 - 1.5 * f1, "accuracy": f1, "f1_macro": f1, "f1_weighted": f1},
            "learning_rate": 1e-3 * 0.5 ** (epoch // 4),
            "seconds": 1.0,
        }
        append_line(folder / "metrics.jsonl", record)
    registry = {"plugins": [], "start": "/nowhere"}
    write_json(folder / "job.json", {"recipe": RECIPE, "settings": CHOSEN, "registry": registry})


def _finish(folder: Path, true: Any, genres: list[str], number: int, rng: np.random.Generator) -> None:
    logits = rng.standard_normal((len(true), len(genres)))
    logits[np.arange(len(true)), true] += 0.8 + 0.25 * (number % 7)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.savez(folder / "predictions.npz", probabilities=p.astype(np.float32), true=true)
    confusion = confusion_matrix(true, p.argmax(1), len(genres))
    found = scores(confusion, 1.0)
    result = {
        "status": "completed",
        "message": "",
        "epochs": 6,
        "best_epoch": 5,
        "parameters": 10_000 * (number + 1) ** 2,
        "multiply_adds": 1_000_000 * (number + 2),
        "epoch_seconds": 1.0 + number % 5,
        "clips_per_second": 1200.0 / (1 + number),
        "peak_memory": 2**28 * (1 + number % 4),
        "metrics": {"validation": found, "test": found},
        "confusion": {"test": confusion.tolist()},
        "genres": {"test": per_genre(confusion, genres)},
        "seconds": 6.0,
    }
    write_json(folder / "result.json", result)


def _search(folder: Path, plan: Plan, number: int, rng: np.random.Generator) -> None:
    trials: list[dict[str, Any]] = []
    for i in range(plan.trials):
        settings = {
            "train.learning_rate": float(10 ** rng.uniform(-4, -2)),
            "model.dropout": float(rng.uniform(0.1, 0.6)),
            "model.hidden_dim": int(rng.choice([16, 32, 64])),
            "feature.normalization": str(rng.choice(NORMS)),
        }
        value = 0.02 * number + 0.1 * rng.random() + float(_height(settings["train.learning_rate"]))
        result = {"status": "completed", "message": "", "metrics": {"validation": {"f1_macro": value}}}
        write_json(folder / f"trials/{i:03d}/result.json", result)
        best = max([value, *[t["best_so_far"] for t in trials]])
        told = {"number": i, "status": "completed", "settings": settings, "values": {"f1_macro": value}}
        trials.append({**told, "best_so_far": best})
    write_json(folder / "search.json", {"proposals": [t["settings"] for t in trials]})
    if plan.ended:
        write_json(folder / "analysis.json", _analysis(trials, rng))


def _height(rate: Any) -> Any:
    return 0.4 - 0.05 * abs(np.log10(rate) + 3)


def _analysis(trials: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    surface = _height(RATES)[None] - 0.1 * DROPS[:, None]
    observed = [t["values"]["f1_macro"] for t in trials]
    error = [0.02] * 15
    return {
        "metric": "f1_macro",
        "maximize": True,
        "trials": trials,
        "importance": {name: 0.5 / (i + 1) for i, name in enumerate(SPACE)},
        "slices": {
            "train.learning_rate": {"x": RATES.tolist(), "mean": _height(RATES).tolist(), "sem": error},
            "model.dropout": {"x": DROPS.tolist(), "mean": (0.4 - 0.1 * DROPS).tolist(), "sem": error},
            "feature.normalization": {"x": NORMS, "mean": [0.3, 0.35, 0.32], "sem": [0.02, 0.01, 0.03]},
        },
        "contours": [
            {
                "x": "train.learning_rate",
                "y": "model.dropout",
                "xs": RATES.tolist(),
                "ys": DROPS.tolist(),
                "mean": surface.tolist(),
            }
        ],
        "cross_validation": [
            {"trial": i, "observed": o, "predicted": o + 0.01 * float(rng.standard_normal()), "sem": 0.01}
            for i, o in enumerate(observed)
        ],
    }
