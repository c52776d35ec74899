"""Datasets with one fault each, and one without."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import attrs

from genrelab import Dataset, Track
from tests.core.faults import Fault, Params


def dataset(*changes: dict[str, Any]) -> Dataset:
    """Four tracks of two genres, some of them changed."""

    def build(params: Any) -> list[Track]:
        found = [Track(str(i), Path(__file__), "ab"[i % 2], "x") for i in range(4)]
        return [attrs.evolve(t, **c) for t, c in zip(found, [*changes, {}, {}, {}, {}], strict=False)]

    return Dataset("fault", Params, build)


def shuffled(params: Any) -> list[Track]:
    return [Track(str(random.random()), Path(__file__), label) for label in "ab"]


FAULTS: list[Fault] = [
    ("tracks", dataset({"id": "1"}), "2 tracks have the id '1'"),
    ("labels", dataset({"label": "A"}), "differ in nothing but case: A, a"),
    ("labels", dataset({"label": ""}), "track '0' has the label ''"),
    ("groups", dataset({"artist": "x "}), "track '0' has the artist 'x '"),
    ("splits", dataset({"split": "val"}), "track '0' is in split 'val'"),
    ("splits", dataset({"split": "test"}), "3 of 4 tracks are in no split"),
    ("files", dataset(*[{"path": Path("nowhere.wav")}] * 4), "none of its files is there"),
    ("reproducible", Dataset("fault", Params, shuffled), "at first, then"),
]
GOOD = dataset()
