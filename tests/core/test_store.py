"""The feature store: what is put in comes out, and damage is noticed."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.data.store import FeatureStore, Rejected
from genrelab.data.store_writer import StoreWriter
from genrelab.errors import DamagedError

SHAPE = (3, 5)
ROW_BYTES = 2 * 3 * 5


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr("genrelab.data.store_writer.SHARD_BYTES", 4 * ROW_BYTES)


def digest(i: int) -> bytes:
    return i.to_bytes(16, "big")


def clips(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, *SHAPE)).astype(np.float16)


def write(path, values, first: int = 0) -> FeatureStore:
    with StoreWriter(path, SHAPE, {"name": "test"}) as writer:
        for i, clip in enumerate(values):
            writer.add(digest(first + i), clip)
    return FeatureStore(path)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.integers(0, 10), max_size=30))
def test_gather_equals_plain_indexing(tmp_path_factory, rows):
    values = clips(11)
    store = write(tmp_path_factory.mktemp("store"), values)
    found = store.gather(np.array(rows, np.int64))
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, values[np.array(rows, np.int64)])


@settings(max_examples=50, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 10), st.integers(0, 3)), max_size=30))
def test_a_gathered_window_is_a_slice_of_each_clip(tmp_path_factory, pairs):
    values = clips(11)
    store = write(tmp_path_factory.mktemp("store"), values)
    rows, first = np.array(pairs, np.int64).reshape(-1, 2).T
    expected = [values[r, :, f : f + 2] for r, f in pairs]
    np.testing.assert_array_equal(store.gather(rows, first, 2), np.reshape(expected, (-1, 3, 2)))


def test_rows_are_found_by_digest_after_opening_again(tmp_path):
    values = clips(10)
    write(tmp_path, values[:6])
    store = write(tmp_path, values[6:], first=6)
    assert len(store) == 10
    rows = np.array([store.rows[digest(i)] for i in range(10)])
    np.testing.assert_array_equal(store.gather(rows), values)


@pytest.mark.parametrize(("row", "error"), [(-1, IndexError), (10, DamagedError), (1_000, DamagedError)])
def test_a_row_that_is_not_there_is_an_error(tmp_path, row, error):
    with pytest.raises(error):
        write(tmp_path, clips(10)).gather(np.array([0, row]))


def test_an_open_store_sees_rows_written_since(tmp_path):
    values = clips(3)
    store = write(tmp_path, values[:1])
    store.gather(np.array([0]))
    write(tmp_path, values[1:], first=1)
    np.testing.assert_array_equal(store.gather(np.arange(3)), values)


@pytest.mark.parametrize("torn", [1, 23])
def test_a_torn_record_is_ignored_and_cut_off(tmp_path, torn):
    values = clips(5)
    write(tmp_path, values[:4])
    with (tmp_path / "index.bin").open("ab") as file:
        file.write(b"x" * torn)
    with (tmp_path / "quarantine.jsonl").open("ab") as file:
        file.write(b'{"digest": "00')
    assert len(FeatureStore(tmp_path)) == 4
    with StoreWriter(tmp_path, SHAPE, {}) as writer:
        writer.add(digest(4), values[4])
        writer.reject(digest(9), "a.wav", Rejected("silent", "is silent"))
    store = FeatureStore(tmp_path)
    np.testing.assert_array_equal(store.gather(np.arange(5)), values)
    assert store.rejected == {digest(9): Rejected("silent", "is silent")}


def test_rows_lost_with_a_damaged_shard_are_forgotten(tmp_path):
    values = clips(6)
    write(tmp_path, values)
    shard = tmp_path / "shard-00001.f16"
    shard.write_bytes(shard.read_bytes()[: ROW_BYTES + 3])  # of rows 4 and 5, the second is torn
    assert sorted(FeatureStore(tmp_path).rows.values()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("row", [-1, 6, 2**60, -(2**60)])
def test_a_record_that_damage_made_up_is_ignored(tmp_path, row):
    write(tmp_path, clips(6))
    with (tmp_path / "index.bin").open("ab") as file:
        file.write(digest(99) + row.to_bytes(8, "little", signed=True))
    assert sorted(FeatureStore(tmp_path).rows.values()) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("damage", [lambda s: s.write_bytes(b""), lambda s: s.unlink()])
def test_the_number_of_a_lost_row_is_not_given_out_again(tmp_path, damage):
    values = clips(6)
    before = write(tmp_path, values[:5])
    damage(tmp_path / "shard-00001.f16")
    store = write(tmp_path, values[5:], first=5)  # 4 rows a shard: rows 4 to 7 were, or may have been, named
    assert store.rows[digest(5)] == 8
    assert digest(4) not in store.rows
    with pytest.raises(DamagedError, match=r"shard-00001\.f16: lacks row 0"):
        before.gather(np.array([4]))


def test_rows_that_nobody_can_find_any_more_stay_as_they_are(tmp_path):
    values = clips(4)
    before = write(tmp_path, values[:2])
    (tmp_path / "index.bin").unlink()
    write(tmp_path, values[2:])
    np.testing.assert_array_equal(before.gather(np.arange(2)), values[:2])


@pytest.mark.parametrize("content", ["", '{"shape": [3', None])
def test_a_damaged_description_is_made_again_and_nothing_trusted_without_it(tmp_path, content, capsys):
    values = clips(3)
    write(tmp_path, values)
    meta = tmp_path / "meta.json"
    meta.unlink() if content is None else meta.write_text(content)
    assert not write(tmp_path, []).rows
    assert "meta.json: not that of a feature store" in capsys.readouterr().err
    np.testing.assert_array_equal(write(tmp_path, values).gather(4 + np.arange(3)), values)


def test_a_row_is_named_only_once_it_is_on_disk(tmp_path):
    with StoreWriter(tmp_path, SHAPE, {}) as writer:
        writer.add(digest(0), clips(1)[0])
        assert not FeatureStore(tmp_path).rows  # not synced yet
    assert FeatureStore(tmp_path).rows == {digest(0): 0}


def test_an_interrupted_writer_keeps_what_was_added(tmp_path):
    with contextlib.suppress(KeyboardInterrupt), StoreWriter(tmp_path, SHAPE, {}) as writer:
        writer.add(digest(0), clips(1)[0])
        raise KeyboardInterrupt
    assert len(FeatureStore(tmp_path)) == 1


def test_a_second_writer_waits_and_sees_what_the_first_wrote(tmp_path):
    code = f"""
import sys, time, numpy as np
from genrelab.data.store_writer import StoreWriter
with StoreWriter(__import__("pathlib").Path(sys.argv[1]), {SHAPE}, {{}}) as writer:
    print("locked", flush=True)
    time.sleep(0.5)
    writer.add({digest(0)!r}, np.ones({SHAPE}, np.float16))
"""
    waited = []
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        with StoreWriter(tmp_path, SHAPE, {}, lambda: waited.append(True)) as writer:
            assert writer.store.rows == {digest(0): 0}
    assert waited


def test_meta_says_what_the_feature_is(tmp_path):
    write(tmp_path, clips(1))
    assert json.loads((tmp_path / "meta.json").read_text())["key"] == {"name": "test"}


def test_a_folder_that_is_no_store_is_an_error(tmp_path):
    with pytest.raises(DamagedError, match="not that of a feature store"):
        FeatureStore(tmp_path)


def test_a_failing_disk_names_no_row_and_frees_the_lock(tmp_path, monkeypatch):
    writer = StoreWriter(tmp_path, SHAPE, {}).__enter__()
    writer.add(digest(0), clips(1)[0])
    monkeypatch.setattr("genrelab.data.store_writer.os.fsync", _disk_full)
    with pytest.raises(OSError, match="full"):
        writer.__exit__(None, None, None)
    monkeypatch.undo()
    assert not FeatureStore(tmp_path).rows
    assert len(write(tmp_path, clips(1))) == 1


def _disk_full(_: int) -> None:
    raise OSError(28, "disk full")


def test_a_hundred_thousand_rows_open_in_a_second(tmp_path):
    write(tmp_path, [])
    count = 100_000
    index = np.zeros(count, [("digest", "<u8", 2), ("row", "<i8")])
    index["digest"][:, 0], index["row"] = np.arange(count), np.arange(count)
    index.tofile(tmp_path / "index.bin")
    files = np.zeros(count, [("file", "<u8", 2), ("digest", "<u8", 2)])
    files["file"][:, 0] = files["digest"][:, 0] = np.arange(count)
    files.tofile(tmp_path / "files.bin")
    per_shard = FeatureStore(tmp_path).rows_per_shard
    meta = json.loads((tmp_path / "meta.json").read_text()) | {"rows_per_shard": per_shard * 1_000}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    for shard in range(-(-count // (per_shard * 1_000))):
        with (tmp_path / f"shard-{shard:05d}.f16").open("wb") as file:
            file.truncate(per_shard * 1_000 * ROW_BYTES)
    started = time.perf_counter()
    store = FeatureStore(tmp_path)
    assert time.perf_counter() - started < 1
    assert len(store) == count
