"""Extraction: each file once, whatever happens to files and processes."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from genrelab.config.experiment import Audio
from genrelab.data.audio import Excerpt, read_mono
from genrelab.data.extract import Extraction, extract
from genrelab.data.store import FeatureStore
from genrelab.errors import InputError, WorkError

RATE, SECONDS = 8_000, 0.5

# In a file of its own, because worker processes must be able to import it.
FEATURES = """
import fcntl, os, time
import torch
from torch import nn
from genrelab.data.audio import read_clip

def damaged_decoder(excerpt, audio):
    if excerpt.path.endswith("deadly.wav"):
        os.kill(os.getpid(), 11)
    if excerpt.path.endswith("endless.wav"):
        time.sleep(600)
    return read_clip(excerpt, audio)

class Frames(nn.Module):
    def forward(self, x):  # (batch, 4000) -> (batch, 4, 1000)
        return x.reshape(len(x), 4, -1)

class Slow(Frames):
    def __init__(self):
        super().__init__()
        self.alive = open(__file__)
        fcntl.flock(self.alive, fcntl.LOCK_SH)  # for as long as this process lives

    def forward(self, x):
        time.sleep(0.05)
        return super().forward(x)

class Deadly(Frames):
    def forward(self, x):
        if x.abs().max() > 0.9:
            os._exit(1)
        return super().forward(x)
"""


class Counted(nn.Module):
    """Frames of the waveform, as (batch, 4, 1000); keeps count."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Counted.calls += bool(x.any())  # not the silence by which the shape is found
        return x.reshape(len(x), 4, -1)


@pytest.fixture(autouse=True)
def _fresh():
    Counted.calls = 0


@pytest.fixture
def features(tmp_path, monkeypatch):
    (tmp_path / "some_features.py").write_text(FEATURES)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("some_features")


def write(path: Path, seed: int, peak: float = 0.5, seconds: float = SECONDS) -> Path:
    x = np.random.default_rng(seed).uniform(-1, 1, round(seconds * RATE))
    soundfile.write(path, peak * x / np.abs(x).max(), RATE, subtype="FLOAT")
    return path


def tracks(folder: Path, count: int) -> list[Path]:
    return [write(folder / f"{i:03d}.wav", i) for i in range(count)]


def run(files: list[Any], directory: Path, make: Callable[[], Any] = Counted, **more: Any) -> Extraction:
    names = {field.name for field in attrs.fields(Audio)}
    audio = Audio(**{"sample_rate": RATE, "seconds": SECONDS} | {k: v for k, v in more.items() if k in names})
    settings = {"key": {"name": "frames", "version": 1, "params": {}}, "normalization": "none", "workers": 2}
    settings |= {k: v for k, v in more.items() if k not in names}
    return extract(files, directory=directory / "store", make_feature=make, audio=audio, **settings)


def reasons(extraction: Extraction) -> dict[str, str]:
    return {Path(q.path).name: q.reason for q in extraction.quarantined}


def test_rows_hold_the_feature_of_each_file_in_the_order_asked_for(tmp_path):
    paths = tracks(tmp_path, 5)
    found = run(paths[::-1], tmp_path)
    expected = np.stack([read_mono(p, RATE, SECONDS).reshape(4, -1) for p in paths[::-1]])
    np.testing.assert_array_equal(found.store.gather(found.rows), expected.astype(np.float16))
    assert found.quarantined == []


def test_clips_are_normalised_as_asked(tmp_path):
    found = run(tracks(tmp_path, 3), tmp_path, normalization="minmax")
    values = found.store.gather(found.rows)
    assert (values.min((1, 2)) == 0).all()
    assert (values.max((1, 2)) == 1).all()


def test_short_files_are_padded_and_long_ones_cut(tmp_path):
    paths = [write(tmp_path / "short.wav", 0, seconds=0.2), write(tmp_path / "long.wav", 1, seconds=3)]
    found = run(paths, tmp_path, min_share=0.4)
    short, long = found.store.gather(found.rows).reshape(2, -1)
    assert short[:1600].all()
    assert not short[1600:].any()
    np.testing.assert_allclose(long, read_mono(paths[1], RATE)[:4000], atol=1e-3)


def test_a_second_call_computes_nothing_and_builds_no_module(tmp_path):
    paths = tracks(tmp_path, 3)
    first = run(paths, tmp_path)
    second = run(paths, tmp_path, make=lambda: pytest.fail("was built"))
    np.testing.assert_array_equal(first.rows, second.rows)
    assert Counted.calls == 3


def test_a_new_file_is_computed_alone(tmp_path):
    paths = tracks(tmp_path, 3)
    run(paths, tmp_path)
    run([*paths, write(tmp_path / "new.wav", 9)], tmp_path)
    assert Counted.calls == 4


def test_touched_moved_and_copied_files_are_not_computed_again(tmp_path):
    paths = tracks(tmp_path, 3)
    first = run(paths, tmp_path)
    os.utime(paths[0], (1, 1))
    moved = paths[1].rename(tmp_path / "moved.wav")
    copied = Path(shutil.copy(paths[2], tmp_path / "copied.wav"))
    second = run([paths[0], moved, paths[2], copied], tmp_path)
    assert Counted.calls == 3
    assert second.rows.tolist() == [*first.rows, first.rows[2]]
    assert second.digests[2] == second.digests[3]


def test_two_copies_asked_for_at_once_are_computed_once(tmp_path):
    path = write(tmp_path / "a.wav", 0)
    found = run([path, Path(shutil.copy(path, tmp_path / "b.wav")), path], tmp_path)
    assert Counted.calls == 1
    assert len(set(found.rows)) == 1


def test_changed_bytes_are_computed_again(tmp_path):
    path = write(tmp_path / "a.wav", 0)
    run([path], tmp_path)
    found = run([write(path, 1)], tmp_path)
    assert Counted.calls == 2
    np.testing.assert_allclose(found.store.gather(found.rows).reshape(-1), read_mono(path, RATE), atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"key": {"name": "frames", "version": 1, "params": {"n": 2}}},
        {"key": {"name": "frames", "version": 2, "params": {}}},
        {"sample_rate": 4 * RATE},
        {"seconds": 2 * SECONDS},
        {"cut": "centre"},
        {"cut": "segments"},
        {"pad": "wrap"},
        {"min_share": 0.9},
        {"normalization": "minmax"},
    ],
)
def test_what_changes_the_feature_changes_the_folder(tmp_path, change):
    paths = tracks(tmp_path, 1)
    assert run(paths, tmp_path).store.path != run(paths, tmp_path, **change).store.path


@pytest.mark.parametrize("change", [{"window_seconds": 0.1}, {"window_hop_seconds": 0.1}])
def test_windows_are_cut_from_what_is_stored(tmp_path, change):
    paths = tracks(tmp_path, 1)
    assert run(paths, tmp_path).store.path == run(paths, tmp_path, **change).store.path
    assert Counted.calls == 1


def test_the_number_of_segments_matters_only_where_audio_is_cut_into_them(tmp_path):
    paths = [write(tmp_path / "long.wav", 0, seconds=3)]
    assert run(paths, tmp_path).store.path == run(paths, tmp_path, segments=5).store.path
    stores = [run(paths, tmp_path, cut="segments", segments=n).store for n in (2, 5)]
    assert stores[0].path != stores[1].path
    assert (stores[0].gather(np.zeros(1, int)) != stores[1].gather(np.zeros(1, int))).any()


def test_tracks_that_share_a_file_have_their_own_rows_and_reasons(tmp_path):
    silence = np.zeros(RATE)
    music = [read_mono(write(tmp_path / f"{i}.wav", i), RATE) for i in range(2)]
    path = tmp_path / "album.wav"
    soundfile.write(path, np.concatenate([music[0], silence, music[1]]), RATE, subtype="FLOAT")
    parts = [Excerpt(str(path), 1.5, 0.5), Excerpt(str(path), 0.5, 1.0), Excerpt(str(path), 0.0, 0.5), path]
    for _ in range(2):
        found = run(parts, tmp_path)
        values = found.store.gather(found.rows[[0, 2, 3]]).reshape(3, -1)
        np.testing.assert_array_equal(values, np.stack(music[::-1] + music[:1]).astype(np.float16))
        assert [(q.path, q.reason) for q in found.quarantined] == [(str(path), "silent")]
        assert len(set(found.digests)) == 1
    assert Counted.calls == 3
    assert len(set(found.rows.tolist())) == 4


def test_training_set_shares_what_is_stored_unnormalised(tmp_path):
    paths = tracks(tmp_path, 1)
    assert run(paths, tmp_path).store.path == run(paths, tmp_path, normalization="training_set").store.path


def test_useless_files_are_quarantined_with_their_reason_and_not_tried_again(tmp_path):
    good = write(tmp_path / "good.wav", 0)
    (tmp_path / "broken.mp3").write_bytes(b"no audio" * 99)
    write(tmp_path / "stub.wav", 0, seconds=0.01)
    write(tmp_path / "short.wav", 0, seconds=0.2)
    soundfile.write(tmp_path / "offset.wav", np.full(4000, 0.5), RATE, subtype="FLOAT")
    write(tmp_path / "silent.wav", 0, peak=0.0)
    soundfile.write(tmp_path / "nan.wav", np.full(4000, np.nan), RATE, subtype="FLOAT")
    expected = {
        "broken.mp3": "undecodable",
        "stub.wav": "empty",
        "short.wav": "truncated",
        "offset.wav": "constant",
        "silent.wav": "silent",
        "nan.wav": "non_finite",
        "gone.wav": "missing",
    }
    paths = [good, *(tmp_path / name for name in expected)]
    for _ in range(2):
        found = run(paths, tmp_path)
        assert reasons(found) == expected
        assert found.rows.tolist() == [0, *[-1] * 7]
        assert all(q.message for q in found.quarantined)
    lines = (found.store.path / "quarantine.jsonl").read_text().splitlines()
    assert [json.loads(line)["reason"] for line in lines] == list(expected.values())[:-1]


def test_a_file_that_appears_is_computed(tmp_path):
    path = tmp_path / "a.wav"
    assert reasons(run([path], tmp_path)) == {"a.wav": "missing"}
    assert run([write(path, 0)], tmp_path).quarantined == []


def test_a_feature_beyond_float16_is_quarantined(tmp_path):
    class Huge(Counted):
        def forward(self, x):
            return super().forward(x) * 1e6

    assert reasons(run(tracks(tmp_path, 1), tmp_path, make=Huge)) == {"000.wav": "non_finite"}


def test_a_feature_that_raises_is_told_and_tried_again_once_mended(tmp_path):
    class Faulty(Counted):
        def forward(self, x):
            if x.any():
                raise ValueError("no such luck")
            return super().forward(x)

    paths = tracks(tmp_path, 1)
    [found] = run(paths, tmp_path, make=Faulty).quarantined
    assert (found.reason, found.message) == ("failed", "ValueError: no such luck")
    assert run(paths, tmp_path).quarantined == []


def test_a_feature_of_the_wrong_shape_is_an_error(tmp_path):
    with pytest.raises(WorkError, match=r"\(1, 4000\), not \(batch, bins, frames\)"):
        run(tracks(tmp_path, 1), tmp_path, make=nn.Identity)


def test_a_wrong_normalization_is_an_error(tmp_path):
    with pytest.raises(InputError, match="minmax"):
        run(tracks(tmp_path, 1), tmp_path, normalization="min-max")


def test_a_disk_that_is_full_is_one_clear_error(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genrelab.data.store_writer.StoreWriter.add", full)
    with pytest.raises(WorkError, match="cannot store features: No space left on device"):
        run(tracks(tmp_path, 1), tmp_path)


def test_rows_lost_by_damage_are_computed_again(tmp_path):
    paths = tracks(tmp_path, 3)
    first = run(paths, tmp_path)
    values = first.store.gather(first.rows)
    shard = first.store.shard(0)
    shard.write_bytes(shard.read_bytes()[: 2 * first.store.row_bytes])
    again = run(paths, tmp_path)
    assert Counted.calls == 4
    np.testing.assert_array_equal(again.store.gather(again.rows), values)


def test_worker_processes_give_the_same_and_a_file_that_kills_them_is_quarantined(tmp_path, features, monkeypatch):
    monkeypatch.setattr("genrelab.data.fill.FEW", 0)
    paths = tracks(tmp_path, 9)
    write(paths[4], 4, peak=0.95)
    shutil.copy(paths[0], paths[1])
    found = run(paths, tmp_path, make=features.Deadly)
    assert reasons(found) == {"004.wav": "crashed"}
    assert found.store.shard(0).stat().st_size == 7 * found.store.row_bytes
    kept = [path for path in paths if path != paths[4]]
    expected = np.stack([read_mono(p, RATE).reshape(4, -1) for p in kept]).astype(np.float16)
    np.testing.assert_array_equal(found.store.gather(found.rows[found.rows >= 0]), expected)
    assert reasons(run(paths, tmp_path)) == {"004.wav": "crashed"}


def test_a_decoder_that_dies_or_hangs_costs_the_file_and_nothing_else(tmp_path, features, monkeypatch):
    monkeypatch.setattr("genrelab.data.fill.read_clip", features.damaged_decoder)
    monkeypatch.setattr("genrelab.data.fill.LIMIT", 0.5)
    paths = [write(tmp_path / f"{name}.wav", i) for i, name in enumerate(("deadly", "endless", "good"))]
    for _ in range(2):
        found = run(paths, tmp_path)
        assert reasons(found) == {"deadly.wav": "crashed", "endless.wav": "timeout"}
        assert found.rows.tolist() == [-1, -1, 0]


def test_two_runs_at_once_on_one_store_compute_each_file_once(tmp_path, features):
    paths = tracks(tmp_path, 12)
    expected = np.stack([read_mono(p, RATE).reshape(4, -1) for p in paths]).astype(np.float16)
    script = tmp_path / "beside.py"
    script.write_text(BESIDE)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, script, tmp_path, "12"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as other:
        wait_until(lambda: list(tmp_path.glob("store/*/lock")), "the other run did not begin")
        found = run(paths, tmp_path, make=features.Frames)
        _, complaints = other.communicate()
    assert other.returncode == 0, complaints
    np.testing.assert_array_equal(found.store.gather(found.rows), expected)
    assert FeatureStore(found.store.path).shard(0).stat().st_size == 12 * found.store.row_bytes


BESIDE = """
if __name__ == "__main__":
    import sys, pathlib, genrelab.data.fill, some_features
    from genrelab.config.experiment import Audio
    from genrelab.data.extract import extract
    genrelab.data.fill.FEW = int(sys.argv[2])
    root = pathlib.Path(sys.argv[1])
    key = {"name": "frames", "version": 1, "params": {}}
    extract(sorted(root.glob("*.wav")), directory=root / "store", key=key, make_feature=some_features.Slow,
            audio=Audio(sample_rate=8000, seconds=0.5), normalization="none", workers=1)
"""


def test_a_run_killed_at_any_time_goes_on(tmp_path, features):
    paths = tracks(tmp_path, 60)
    script = tmp_path / "beside.py"
    script.write_text(BESIDE)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, script, tmp_path, "0"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        kept = wait_for_rows(tmp_path / "store")
        process.kill()
    assert 0 < kept < 60
    found = run(paths, tmp_path)
    assert found.quarantined == []
    assert Counted.calls <= 60 - kept
    expected = np.stack([read_mono(p, RATE).reshape(4, -1) for p in paths]).astype(np.float16)
    np.testing.assert_array_equal(found.store.gather(found.rows), expected)
    wait_until(lambda: no_process_has(tmp_path / "some_features.py"), "worker processes outlive their parent")


def wait_for_rows(directory: Path) -> int:
    def count() -> int:
        return sum(len(FeatureStore(meta.parent)) for meta in directory.glob("*/meta.json"))

    wait_until(count, "no row was written")
    return count()


def no_process_has(file: Path) -> bool:
    with file.open() as opened, contextlib.suppress(BlockingIOError):
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def wait_until(condition: Callable[[], object], complaint: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)
