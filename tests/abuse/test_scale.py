"""A million tracks, a thousand trials, fifty candidates: simulated, so that only what looks after them is timed."""

from __future__ import annotations

import json
import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from genrelab.components import Track
from genrelab.data.audit.duplicates import find_duplicates
from genrelab.data.audit.leaks import find_leaks
from genrelab.data.splits import split_tracks
from genrelab.data.store import FeatureStore
from genrelab.data.store_writer import StoreWriter
from genrelab.data.tracks import Tracks
from genrelab.files import read_json, write_json
from tests.abuse.tiny import call, prepare, run_arguments

SHAPE = (16, 4)
GENRES = 16


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the seconds of this process that it takes: others may be busy too."""
    begun = time.process_time()
    return work(), time.process_time() - begun


def fake_store(folder: Path, tracks: int) -> FeatureStore:
    """A store whose index is whole and whose features are holes in sparse files."""
    with StoreWriter(folder, SHAPE, {"name": "fake"}):
        pass
    random = np.random.default_rng(0)
    index = np.zeros(tracks, [("digest", "<u8", 2), ("row", "<i8")])
    index["digest"], index["row"] = random.integers(0, 2**63, (tracks, 2)), np.arange(tracks)
    index.tofile(folder / "index.bin")
    files = np.zeros(tracks, [("file", "<u8", 2), ("digest", "<u8", 2)])
    files["file"], files["digest"] = random.integers(0, 2**63, (tracks, 2)), index["digest"]
    files.tofile(folder / "files.bin")
    store = FeatureStore(folder)
    for number in range(-(-tracks // store.rows_per_shard)):
        with store.shard(number).open("wb") as shard:
            shard.truncate(min(store.rows_per_shard, tracks - number * store.rows_per_shard) * store.row_bytes)
    return store


def collection(tracks: int, artists: int) -> tuple[list[str], list[str]]:
    """Genres and artists: most artists have one genre, a few have a thousand tracks."""
    random = np.random.default_rng(0)
    artist = random.zipf(1.3, tracks) % artists
    artist[:artists] = np.arange(artists)
    genre = np.where(random.random(tracks) < 0.9, artist % GENRES, random.integers(0, GENRES, tracks))
    return [f"genre {g}" for g in genre.tolist()], [f"artist {a}" for a in artist.tolist()]


@pytest.mark.slow
def test_an_index_of_a_million_tracks_opens_in_a_second_and_costs_nothing_where_it_is_not_needed(tmp_path: Path):
    fake_store(tmp_path, 1_000_000)
    store, seconds = timed(lambda: FeatureStore(tmp_path))
    assert seconds < 0.01
    store.gather(np.array([0, 999_999]))
    rows, seconds = timed(lambda: store.rows)
    print(f"index: {seconds:.2f} s")
    assert (len(rows), len(store.files)) == (1_000_000, 1_000_000)
    assert seconds < 1.0


@pytest.mark.slow
def test_a_million_tracks_of_200_000_artists_split_in_30_s_and_are_audited_in_bounded_memory(tmp_path: Path):
    labels, artists = collection(1_000_000, 200_000)
    split, seconds = timed(lambda: split_tracks(labels, artists, by="artist", seed=0))
    print(f"split: {seconds:.1f} s")
    assert seconds < 30
    subsets = np.empty(len(labels), object)
    for name in ("train", "validation", "test"):
        subsets[getattr(split, name)] = name
    tracks = tuple(
        Track(f"t{i}", Path("a.mp3"), *of, s)
        for i, (*of, s) in enumerate(zip(labels, artists, subsets, strict=True))
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    digests = tuple(f"{i:032x}" for i in range(len(labels)))
    leaks = find_leaks(Tracks(tracks, digests), fake_store(tmp_path, len(labels)), np.arange(len(labels)), 1.0)
    taken = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    print(f"audit: {taken / 1e6:.0f} MB")
    assert not leaks.leaks
    assert taken < 1e9


class Noise(NamedTuple):
    """Stands for a store: clips of 30 s, cut from one noise at places of their own."""

    path: Path
    noise: NDArray[np.float16]
    shape: tuple[int, int] = (16, 120)

    def gather(self, rows: NDArray[np.int64]) -> NDArray[np.float16]:
        size = self.shape[0] * self.shape[1]
        starts = rows * 2_654_435_761 % (len(self.noise) - size)
        return np.stack([self.noise[s : s + size] for s in starts.tolist()]).reshape(-1, *self.shape)


@contextmanager
def watched_memory() -> Iterator[Callable[[], int]]:
    """Watch how many bytes this process takes more than before, but for what it has of files."""

    def own() -> int:
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return 1024 * int(status["RssAnon"].split()[0])

    def watch() -> None:
        while not over.wait(0.05):
            found.append(own())

    before, found, over = own(), list[int](), threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: max(found) - before
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_near_duplicates_among_a_hundred_thousand_clips_are_searched_in_bounded_memory(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).standard_normal(1 << 24, np.float32).astype(np.float16)
    store, clips = Noise(tmp_path, noise), 100_000
    subsets = ["test" if clip % 1_000 == 0 else "train" for clip in range(clips)]
    with watched_memory() as taken:
        found = [*find_duplicates(cast(FeatureStore, store), np.arange(clips), 30.0, subsets)]
    print(f"near-duplicates: {taken() / 1e6:.0f} MB, {len(found)} pairs")
    assert taken() < 5e8
    assert not [*tmp_path.iterdir()]


def with_trials(folder: Path, count: int) -> Path:
    """A study with so many trials of each candidate, copies of one with other settings and results."""
    prepare(folder)
    assert call(*arguments(1)).exit_code == 0
    random = np.random.default_rng(0)
    for candidate in sorted((folder / "study/candidates").iterdir()):
        first, proposals = candidate / "trials/000", []
        job, result = read_json(first / "job.json"), read_json(first / "result.json")
        for number in range(count):
            settings = {"train.learning_rate": float(10 ** random.uniform(-4, -1))}
            job["recipe"]["train"]["learning_rate"] = settings["train.learning_rate"]
            if "model.dropout" in job["settings"]:
                settings["model.dropout"] = float(random.uniform(0, 0.5))
                job["recipe"]["model"]["dropout"] = settings["model.dropout"]
            result["metrics"]["validation"]["loss"] = float(random.uniform(1.2, 2))
            trial = candidate / f"trials/{number:03d}"
            trial.mkdir(exist_ok=True)
            write_json(trial / "job.json", job | {"settings": settings})
            write_json(trial / "result.json", result)
            if number:
                for name in ("metrics.jsonl", "best.safetensors"):
                    shutil.copy(first / name, trial)
            proposals.append(settings)
        write_json(candidate / "search.json", {"proposals": proposals, "ax": {}})
        for stage in ("selection", "final"):
            shutil.rmtree(candidate / stage, ignore_errors=True)
    return folder / "study"


def arguments(trials: int) -> list[str]:
    space = 'search.space={"train.learning_rate"={low=1e-4, high=0.1, log=true}}'
    return run_arguments("study", f"search.trials={trials}", space, "final.seeds=[1]", "final.finalists=1")


@pytest.mark.slow
def test_a_thousand_trials_are_listed_shown_reported_and_gone_on_with_in_ten_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("genrelab.study.search.analysis._LEAST", 1 << 30)  # a model of them is fitted once, by Ax
    with_trials(tmp_path, 500)
    done, first = timed(lambda: call(*arguments(500)))
    assert done.exit_code == 0, done.exception
    assert sum(1 for _ in tmp_path.glob("study/candidates/*/trials/*")) == 1_000
    found = {"first": first}
    commands = {"resume": arguments(500), "runs": ["runs", "study"], "show": ["show", "study"]}
    commands |= {"report": ["report", "study"]}
    for name, command in commands.items():
        done, found[name] = timed(lambda c=command: call(*c))
        assert done.exit_code == 0, done.exception
    print(json.dumps(found))
    assert all(seconds < 10 for name, seconds in found.items() if name != "first")
