"""The feature store: clips of one feature as float16 rows in memory-mapped files, found by the audio's bytes.

One folder holds one feature with one set of parameters::

    meta.json            shape, rows a shard, and what the feature is
    shard-00000.f16      rows (bins, frames) one after the other; row r is in shard r // rows_per_shard
    index.bin            records of 24 bytes: digest of the audio (16), row (int64)
    files.bin            records of 32 bytes: digest of path, size and mtime (16), digest of the bytes (16)
    quarantine.jsonl     files that give no feature: digest, path, reason, message
    lock                 held by whoever writes

A record is written after its row is on disk, and files only grow: a process killed at any time leaves at worst a
torn last record, which the next reader ignores and the next writer cuts off. Rows that a damaged shard has lost
are forgotten, and so computed again. Their numbers are not given out again: a study under way may ask for them.

The digest of a clip's audio is that of the file's bytes, or of these with start and duration for a part of a file.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genrelab.errors import DamagedError

Rows = NDArray[np.int64]
Block = NDArray[np.float16]

ROW_RECORD = struct.Struct("<16sq")
FILE_RECORD = struct.Struct("<16s16s")
_MADE_UP = 1 << 40  # no store has so many rows: a number from here on was made up by damage


def audio_digest(file: bytes, start: float = 0.0, duration: float = 0.0) -> bytes:
    """Return the digest of a part of a file (in seconds; duration 0: up to its end), given that of its bytes."""
    if not start and not duration:
        return file
    return hashlib.blake2b(file + struct.pack("<dd", start, duration), digest_size=16).digest()


class Rejected(NamedTuple):
    """Why an audio file gives no feature."""

    reason: str
    message: str


class FeatureStore:
    """The clips of one feature, for reading; any number of processes may read while one writes.

    Attributes:
        path: the folder.
        shape: (bins, frames) of a clip.
    """

    def __init__(self, path: Path) -> None:
        """Open a store; the index is read when it is first asked for, which trainings never do.

        Raises:
            DamagedError: the folder is no feature store, or its meta.json is damaged.
        """
        self.path = path
        try:
            meta = json.loads((path / "meta.json").read_text("utf-8"))
            self.shape: tuple[int, int] = tuple(meta["shape"])
            self.rows_per_shard: int = meta["rows_per_shard"]
        except (OSError, ValueError, LookupError) as error:
            raise DamagedError(f"{path / 'meta.json'}: not that of a feature store: {error}") from error
        self.row_bytes = 2 * self.shape[0] * self.shape[1]
        self._shards: dict[int, Block] = {}

    @cached_property
    def rows(self) -> dict[bytes, int]:
        """Map the digest of audio to its row."""
        return self._on_disk(dict(_records(self.path / "index.bin", ROW_RECORD)))

    @cached_property
    def files(self) -> dict[bytes, bytes]:
        """Map the digest of a file's path, size and mtime to that of its bytes."""
        return dict(_records(self.path / "files.bin", FILE_RECORD))

    @cached_property
    def rejected(self) -> dict[bytes, Rejected]:
        """Map the digest of audio to why it has no row."""
        return dict(_rejected(self.path / "quarantine.jsonl"))

    def __len__(self) -> int:
        """Return how many clips are held."""
        return len(self.rows)

    def knows(self, file: bytes, start: float = 0.0, duration: float = 0.0) -> bool:
        """Tell whether a part of a file has a row or is quarantined.

        Args:
            file: digest of the file's path, size and mtime.
            start: where the part begins, in seconds.
            duration: seconds; 0: up to the end.
        """
        if file not in self.files:
            return False
        digest = audio_digest(self.files[file], start, duration)
        return digest in self.rows or digest in self.rejected

    def gather(self, rows: Rows, first: Rows | None = None, frames: int | None = None) -> Block:
        """Copy clips, or a window of each, out of the map: (n, bins, frames) float16. See `views`."""
        out = np.empty((len(rows), self.shape[0], self.shape[1] if frames is None else frames), np.float16)
        for copy, view in zip(out, self.views(rows, first, frames), strict=True):  # fancy indexing would copy twice
            copy[...] = view
        return out

    def views(self, rows: Rows, first: Rows | None = None, frames: int | None = None) -> Iterator[Block]:
        """Yield clips, or a window of each, as they lie in the map.

        Args:
            rows: (n,) of this store's rows, in any order, repeats allowed.
            first: (n,) frame at which each window begins; None where whole clips are wanted.
            frames: of a window.

        Returns:
            n views (bins, frames) float16. What is written to them never reaches the file.

        Raises:
            IndexError: a row that cannot be, such as the -1 of a quarantined file.
            DamagedError: a row that is not, or no longer, in the store.
        """
        rows = np.asarray(rows, np.int64)
        if rows.size and rows.min() < 0:
            raise IndexError(f"row {rows.min()} of {self.path}: quarantined files have no features")
        first = np.zeros(len(rows), np.int64) if first is None else first
        frames = self.shape[1] if frames is None else frames
        places = np.column_stack([*np.divmod(rows, self.rows_per_shard), first])
        for shard, row, start in places.tolist():
            yield self._map(shard, row)[row, :, start : start + frames]

    def parts(self, rows: Rows) -> list[Path]:
        """Return the files from which `gather` reads these rows; negative ones are left out."""
        numbers = np.unique(rows[rows >= 0] // self.rows_per_shard)
        return [self.path / "meta.json", *(self.shard(number) for number in numbers.tolist())]

    def shard(self, number: int) -> Path:
        """Return the file of a shard."""
        return self.path / f"shard-{number:05d}.f16"

    def _map(self, number: int, row: int) -> Block:
        """Return the map of a shard that holds a row (counted within the shard)."""
        found = self._shards.get(number)
        if found is None or row >= len(found):  # the file may have grown since
            count = self._rows_in(number)
            if row >= count:
                raise DamagedError(f"{self.shard(number)}: lacks row {row}; the same command computes it again")
            # As a plain array: indexing a memmap takes five times as long. Copied on write, not read-only: torch
            # warns of tensors that it must not write to.
            found = np.asarray(np.memmap(self.shard(number), np.dtype("<f2"), "c", shape=(count, *self.shape)))
            self._shards[number] = found
        return found

    def first_free(self) -> int:
        """Return a row that no reader can ask for: the next one, or after any damage the first of another shard."""
        shards = [int(path.stem.removeprefix("shard-")) for path in self.path.glob("shard-*.f16")]
        last = max(shards, default=0)
        size = self.shard(last).stat().st_size if shards else 0
        rows = np.frombuffer(_whole(self.path / "index.bin", ROW_RECORD), "<u8, <u8, <i8")["f2"]
        named = int(rows[rows < _MADE_UP].max(initial=-1))
        if size == (named + 1 - last * self.rows_per_shard) * self.row_bytes:
            return named + 1
        return (1 + max(last, named // self.rows_per_shard)) * self.rows_per_shard

    def _rows_in(self, number: int) -> int:
        path = self.shard(number)
        return path.stat().st_size // self.row_bytes if number >= 0 and path.exists() else 0

    def _on_disk(self, rows: dict[bytes, int]) -> dict[bytes, int]:
        """Leave out the rows that a damaged shard no longer holds, and numbers that damage made up."""
        shards, within = np.divmod(np.fromiter(rows.values(), np.int64, len(rows)), self.rows_per_shard)
        numbers, which = np.unique(shards, return_inverse=True)
        kept = within < np.array([self._rows_in(number) for number in numbers.tolist()], np.int64)[which]
        return rows if kept.all() else dict(itertools.compress(rows.items(), kept))


def _records(path: Path, record: struct.Struct) -> Iterator[tuple[Any, ...]]:
    return record.iter_unpack(_whole(path, record))


def _whole(path: Path, record: struct.Struct) -> bytes:
    """Return the records of a file, but for a torn last one."""
    raw = path.read_bytes() if path.exists() else b""
    return raw[: len(raw) - len(raw) % record.size]


def _rejected(path: Path) -> Iterator[tuple[bytes, Rejected]]:
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
            yield bytes.fromhex(entry["digest"]), Rejected(entry["reason"], entry["message"])
        except (ValueError, LookupError, TypeError):  # torn when its writer was killed
            continue
