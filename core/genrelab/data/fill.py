"""Fill a store: read, compute and add what it does not hold yet."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial

from rich.console import Console

from genrelab.data.audio import Excerpt, read_clip
from genrelab.data.clip import ClipMaker, Outcome, Timed, make_in_worker, prepare_worker
from genrelab.data.pool import Lost, Pool, no_preparation
from genrelab.data.progress import Advance, files_bar
from genrelab.data.store import Rejected, audio_digest
from genrelab.data.store_writer import StoreWriter
from genrelab.times import Times, timed

FEW = 32
"""Of so many files, only the decoding is done in another process: to import torch there would take seconds."""

LIMIT = 60.0
"""Seconds that a file may take, and twice the length of its clip: a hundred times what is usual."""


class Fill:
    """Adds files to a store.

    Args:
        writer: the store, open for writing.
        make: gives the clip of a file.
        workers: processes to use for more than `FEW` files.
        console: where progress is shown, if it is a terminal.
        times: where the seconds of decoding and of the feature are counted.
    """

    def __init__(self, writer: StoreWriter, make: ClipMaker, workers: int, console: Console, times: Times) -> None:
        self._writer, self._make, self._workers, self._console = writer, make, workers, console
        self._times = times
        self._digests: dict[Excerpt, bytes] = {}  # of what is in work
        self._failed: dict[bytes, Rejected] = {}

    def __call__(self, files: Mapping[Excerpt, bytes]) -> dict[bytes, Rejected]:
        """Add what is missing.

        Args:
            files: what is wanted -> digest of its file's path, size and mtime.

        Returns:
            Failures that may pass and so are not quarantined for good: by the digest of the audio, or, where the
            file cannot be read, by the digest given.
        """
        knows = self._writer.store.knows
        pending = {e: file for e, file in files.items() if not knows(file, e.start, e.duration)}
        with ExitStack() as stack:
            advance = stack.enter_context(files_bar("features", len(pending), "quarantined", self._console))
            # Closed, also where the disk is full, so that the processes end here and not with the traceback.
            made_of = stack.enter_context(closing(self._made(self._unknown(pending, advance), len(pending))))
            for excerpt, made in made_of:
                self._times.add("decode", made.decode_seconds)
                self._times.add("feature", made.feature_seconds)
                self._keep(excerpt.path, self._digests.pop(excerpt), made.outcome)
                advance(isinstance(made.outcome, Rejected))
        return self._failed

    def _unknown(self, pending: Mapping[Excerpt, bytes], advance: Advance) -> Iterator[Excerpt]:
        """Yield what is new; each file is read just before it is decoded: once from the disk."""
        store, seen = self._writer.store, set[bytes]()
        for excerpt, file in pending.items():
            try:
                content = store.files.get(file) or _digest(excerpt.path)
            except OSError as error:
                self._failed[file] = Rejected("missing", f"cannot be read: {error.strerror}")
                advance(True)
                continue
            if file not in store.files:
                self._writer.remember(file, content)
            digest = audio_digest(content, excerpt.start, excerpt.duration)
            if digest in seen or digest in store.rows or digest in store.rejected:
                advance(digest in store.rejected)
                continue
            seen.add(digest)
            self._digests[excerpt] = digest
            yield excerpt

    def _made(self, excerpts: Iterator[Excerpt], count: int) -> Generator[tuple[Excerpt, Timed], None, None]:
        """Compute; nothing is decoded in this process, because damaged files can make a decoder end it."""
        make, limit = self._make, LIMIT + 2 * self._make.audio.seconds
        if count <= FEW:
            readers = Pool(partial(timed, partial(read_clip, audio=make.audio)), no_preparation, 1, limit)
            for excerpt, found in readers.results(excerpts):
                read, seconds = (Rejected(*found), 0.0) if isinstance(found, Lost) else found
                yield excerpt, Timed(*timed(make.of, read), seconds)
        else:
            makers = Pool(make_in_worker, partial(prepare_worker, make), self._workers, limit)
            for excerpt, made in makers.results(excerpts):
                yield excerpt, Timed(Rejected(*made), 0.0, 0.0) if isinstance(made, Lost) else made

    def _keep(self, path: str, digest: bytes, outcome: Outcome) -> None:
        if not isinstance(outcome, Rejected):
            self._writer.add(digest, outcome)
        elif outcome.reason == "failed":  # by the feature's code, which may be mended
            self._failed[digest] = outcome
        else:
            self._writer.reject(digest, path, outcome)


def _digest(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        # Processors compute it: half the time of BLAKE2, and this process reads for all workers.
        return hashlib.file_digest(file, "sha256").digest()[:16]
