"""The writing side of the feature store: one process at a time, and killing it does no harm."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from genrelab.data.store import FILE_RECORD, ROW_RECORD, FeatureStore, Rejected
from genrelab.errors import DamagedError
from genrelab.files import tell_made_again, write_bytes, write_json

SHARD_BYTES = 256 << 20
COMMIT_SECONDS = 1.0
"""Longest time for which finished rows wait to be synced to the disk; a killed process loses these."""


class StoreWriter:
    """Adds clips to a store: a context manager that holds the store's lock.

    Attributes:
        store: what is held; grows as clips are added, which can be gathered once the writer is closed.
    """

    store: FeatureStore

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int],
        key: Mapping[str, Any],
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare to write.

        Args:
            path: the store's folder, made if need be.
            shape: (bins, frames) of the clips.
            key: what the feature is, for people who look into meta.json.
            on_wait: called where another process is writing, before waiting for it.
        """
        self._path, self._shape, self._key, self._on_wait = path, shape, key, on_wait
        self._open = ExitStack()
        self._waiting: list[bytes] = []  # index records of rows that may not be on disk yet
        self._shard_file: tuple[int, FileIO] | None = None

    def __enter__(self) -> Self:
        """Take the lock, waiting for whoever has it; create the store, or open it as that one left it."""
        self._path.mkdir(parents=True, exist_ok=True)
        with self._open as opened:
            opened.callback(_locked(self._path / "lock", self._on_wait).release)
            self._create()
            self.store = FeatureStore(self._path)
            self._next = self.store.first_free()
            self._mend()
            self._index, self._files, self._quarantine = (
                opened.enter_context((self._path / name).open("ab"))
                for name in ("index.bin", "files.bin", "quarantine.jsonl")
            )
            self._committed = time.monotonic()
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Put everything on disk and release the lock."""
        with self._open:
            self._close_shard()

    def add(self, digest: bytes, clip: NDArray[np.float16]) -> None:
        """Store a clip (bins, frames) under the digest of its audio.

        Raises:
            OSError: it cannot be written, for instance because the disk is full.
        """
        number, within = divmod(self._next, self.store.rows_per_shard)
        file = self._shard(number)
        file.seek(within * self.store.row_bytes)
        left = memoryview(clip.astype("<f2", order="C").tobytes())
        while left:
            left = left[file.write(left) :]
        self.store.rows[digest] = self._next
        self._waiting.append(ROW_RECORD.pack(digest, self._next))
        self._next += 1
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self._commit()

    def reject(self, digest: bytes, path: str, why: Rejected) -> None:
        """Quarantine the audio of that digest, so that it is not tried again."""
        self.store.rejected[digest] = why
        entry = {"digest": digest.hex(), "path": path, "reason": why.reason, "message": why.message}
        self._quarantine.write(json.dumps(entry).encode() + b"\n")
        self._quarantine.flush()

    def remember(self, file: bytes, digest: bytes) -> None:
        """Note the digest of the bytes of a file, given the digest of its path, size and mtime."""
        self.store.files[file] = digest
        self._files.write(FILE_RECORD.pack(file, digest))

    def _create(self) -> None:
        try:
            FeatureStore(self._path)
        except DamagedError as error:
            if (self._path / "index.bin").exists():
                tell_made_again(error)
                (self._path / "index.bin").unlink()  # which row is where cannot be known any more
            row_bytes = 2 * self._shape[0] * self._shape[1]
            meta = {"shape": self._shape, "rows_per_shard": max(1, SHARD_BYTES // row_bytes), "key": self._key}
            write_json(self._path / "meta.json", meta)

    def _mend(self) -> None:
        """Cut off torn records, and forget lost rows for good."""
        for name, record, entries in (
            ("index.bin", ROW_RECORD, self.store.rows),
            ("files.bin", FILE_RECORD, self.store.files),
        ):
            path = self._path / name
            if path.exists() and path.stat().st_size != len(entries) * record.size:
                write_bytes(path, b"".join(record.pack(*entry) for entry in entries.items()))
        quarantine = self._path / "quarantine.jsonl"
        if quarantine.exists() and not quarantine.read_bytes().endswith(b"\n"):
            with quarantine.open("ab") as file:
                file.write(b"\n")

    def _shard(self, number: int) -> FileIO:
        if self._shard_file and self._shard_file[0] == number:
            return self._shard_file[1]
        self._close_shard()
        path = self.store.shard(number)
        path.touch()
        self._shard_file = (number, FileIO(path, "r+"))
        return self._shard_file[1]

    def _close_shard(self) -> None:
        if self._shard_file:
            with self._shard_file[1]:
                self._commit()
        self._shard_file = None

    def _commit(self) -> None:
        """Sync the rows written, and only then name them in the index."""
        if self._waiting and self._shard_file:
            os.fsync(self._shard_file[1].fileno())
            self._index.write(b"".join(self._waiting))
            self._waiting.clear()
        self._index.flush()
        self._files.flush()
        self._committed = time.monotonic()


def _locked(path: Path, on_wait: Callable[[], object]) -> FileLock:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.1)
    except Timeout:
        on_wait()
        lock.acquire()
    return lock
