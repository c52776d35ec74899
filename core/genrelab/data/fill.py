"""Fill a store: read, compute and add what it does not hold yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from genrelab.data.clip import ClipMaker, make_in_worker, prepare_worker
from genrelab.data.pool import Pool
from genrelab.data.store import Rejected
from genrelab.data.store_writer import StoreWriter

Outcome = NDArray[np.float16] | Rejected
Advance = Callable[[bool], None]

INLINE = 32
"""Up to so many files are computed in this process: starting others takes longer (seconds, to import torch)."""

CRASHED = Rejected("crashed", "ends the process that works on it, also when tried again alone")


class Fill:
    """Adds files to a store.

    Args:
        writer: the store, open for writing.
        make: gives the clip of a file.
        workers: processes to use for more than `INLINE` files.
        console: where progress is shown, if it is a terminal.
    """

    def __init__(self, writer: StoreWriter, make: ClipMaker, workers: int, console: Console) -> None:
        self._writer, self._make, self._workers, self._console = writer, make, workers, console
        self._digests: dict[str, bytes] = {}  # of the bytes of the files in work, by path
        self._failed: dict[bytes, Rejected] = {}

    def __call__(self, files: Mapping[str, bytes]) -> dict[bytes, Rejected]:
        """Add what is missing.

        Args:
            files: path -> digest of its path, size and mtime.

        Returns:
            Failures that may pass and so are not quarantined for good: by the digest of the file's bytes, or, where
            these cannot be read, by the digest given.
        """
        pending = {path: file for path, file in files.items() if not self._writer.store.knows(file)}
        with _progress(len(pending), self._console) as advance:
            for path, outcome in self._outcomes(self._unknown(pending, advance), len(pending)):
                self._keep(path, self._digests.pop(path), outcome)
                advance(isinstance(outcome, Rejected))
        return self._failed

    def _unknown(self, pending: Mapping[str, bytes], advance: Advance) -> Iterator[str]:
        """Yield the files whose bytes are new; each is read just before it is decoded: once from the disk."""
        store, seen = self._writer.store, set[bytes]()
        for path, file in pending.items():
            try:
                digest = _digest(path)
            except OSError as error:
                self._failed[file] = Rejected("missing", f"cannot be read: {error.strerror}")
                advance(True)
                continue
            self._writer.remember(file, digest)
            if digest in seen or digest in store.rows or digest in store.rejected:
                advance(digest in store.rejected)
                continue
            seen.add(digest)
            self._digests[path] = digest
            yield path

    def _outcomes(self, paths: Iterator[str], count: int) -> Iterator[tuple[str, Outcome]]:
        if count <= INLINE:
            yield from ((path, self._make(path)) for path in paths)
        else:
            pool = Pool(make_in_worker, partial(prepare_worker, self._make), self._workers)
            yield from ((path, CRASHED if outcome is None else outcome) for path, outcome in pool.results(paths))

    def _keep(self, path: str, digest: bytes, outcome: Outcome) -> None:
        if not isinstance(outcome, Rejected):
            self._writer.add(digest, outcome)
        elif outcome.reason == "failed":  # by the feature's code, which may be mended
            self._failed[digest] = outcome
        else:
            self._writer.reject(digest, path, outcome)


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=16)).digest()


class _Pace(ProgressColumn):
    """Files a second."""

    def render(self, task: Task) -> Text:
        """Show the pace, once it is known."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


@contextmanager
def _progress(total: int, console: Console) -> Iterator[Advance]:
    """Show a bar; give what is to be called for each file, with whether it is quarantined."""
    columns = ("features", BarColumn(), MofNCompleteColumn(), _Pace(), TimeRemainingColumn(), "{task.fields[bad]}")
    with Progress(*columns, console=console, disable=not console.is_terminal or not total) as bar:
        task, rejected = bar.add_task("", total=total, bad=""), 0

        def advance(bad: bool) -> None:
            nonlocal rejected
            rejected += bad
            bar.update(task, advance=1, bad=f"{rejected} quarantined" if rejected else "")

        yield advance
