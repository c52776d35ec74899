"""From audio files to stored features: in parallel, each file once, going on where a killed run stopped."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
from rich.console import Console

from genrelab.config.experiment import Audio
from genrelab.data.audio import VERSION, Excerpt
from genrelab.data.clip import ClipMaker
from genrelab.data.fill import Fill
from genrelab.data.normalization import stored_as
from genrelab.data.store import FeatureStore, Rejected, Rows, audio_digest
from genrelab.data.store_writer import StoreWriter
from genrelab.errors import DamagedError, WorkError
from genrelab.times import Times

PathLike = str | os.PathLike[str]

_KEYED = ("sample_rate", "seconds", "cut", "pad", "min_share")  # of Audio: what decides the content of a clip


class Quarantined(NamedTuple):
    """A file that gives no feature."""

    path: str
    reason: str
    """One of those of `BadAudio`, or failed: the feature raised; crashed: its process died; timeout: it hung."""
    message: str


@attrs.frozen
class Extraction:
    """Where the features of a list of files are."""

    store: FeatureStore
    rows: Rows
    """(files,) int64: row of each file in the store, in the order asked for; -1 where it has none."""
    digests: list[str]
    """Of each file's bytes, in hexadecimal; empty where the file is missing."""
    quarantined: list[Quarantined]
    """The files without a row, in the order asked for."""


def extract(
    files: Sequence[PathLike | Excerpt],
    *,
    directory: PathLike,
    key: Mapping[str, Any],
    make_feature: Callable[[], Any],
    audio: Audio,
    normalization: str,
    workers: int,
    progress: bool = False,
    times: Times | None = None,
) -> Extraction:
    """Compute and store the feature of each file, or part of a file, that is not in the store yet.

    A file is known by its bytes: under another name, or touched, it is not computed again. Calling it once more
    after a kill goes on; two processes that ask for the same take turns, and the second finds what the first
    computed.

    Args:
        files: audio files, or parts of them.
        directory: holds a folder for each feature, made if need be.
        key: what the feature is, as plain JSON values: name, version, parameters. With the arguments below it
            names the folder.
        make_feature: gives the module (batch, samples) -> (batch, bins, frames); picklable.
        audio: how files are read; its windows have no part in what is stored.
        normalization: one of NORMALIZATIONS; `training_set` is stored like `none`.
        workers: processes to use where more than a few files are to be computed.
        progress: show progress on stderr if that is a terminal.
        times: where the seconds that it takes are counted.

    Raises:
        WorkError: the store cannot be written, or worker processes die whatever they work on.
    """
    kind, times = stored_as(normalization), times or Times()
    keyed = (*_KEYED, "segments") if audio.cut == "segments" else _KEYED
    described = {
        "feature": dict(key),
        "audio": {"version": VERSION, **{name: getattr(audio, name) for name in keyed}},
        "normalization": kind,
    }
    folder = Path(directory) / _folder_name(described)
    wanted = [e if isinstance(e, Excerpt) else Excerpt(os.fspath(e)) for e in files]
    known_by = {path: _file_digest(path) for path in {e.path for e in wanted}}
    pending = {e: file for e in wanted if (file := known_by[e.path])}
    store = _opened(folder)
    failed: dict[bytes, Rejected] = {}
    if store is None or not all(store.knows(file, e.start, e.duration) for e, file in pending.items()):
        make = ClipMaker(make_feature, audio, kind)
        console = Console(stderr=True, quiet=not progress)
        waiting = partial(console.print, f"waiting for another process that writes {folder}")
        try:
            shape = store.shape if store else make.shape()
            with times.spent("extract"), StoreWriter(folder, shape, described, waiting) as writer:
                failed = Fill(writer, make, workers, console, times)(pending)
        except OSError as error:
            raise WorkError(f"{folder}: cannot store features: {error.strerror or error}") from error
        store = writer.store
    return _lookup(store, wanted, [known_by[e.path] or b"" for e in wanted], failed)


def _opened(folder: Path) -> FeatureStore | None:
    try:
        return FeatureStore(folder)
    except DamagedError:  # new, or to be made again
        return None


def _lookup(
    store: FeatureStore, wanted: Sequence[Excerpt], files: Sequence[bytes], failed: Mapping[bytes, Rejected]
) -> Extraction:
    missing = Rejected("missing", "there is no such file")
    contents = [store.files.get(file, b"") for file in files]
    digests = [audio_digest(c, e.start, e.duration) for c, e in zip(contents, wanted, strict=True)]
    rows = np.array([store.rows.get(digest, -1) for digest in digests], np.int64)
    quarantined = [
        Quarantined(e.path, *(store.rejected.get(digest) or failed.get(digest) or failed.get(file, missing)))
        for e, file, digest, row in zip(wanted, files, digests, rows, strict=True)
        if row < 0
    ]
    return Extraction(store, rows, [content.hex() for content in contents], quarantined)


def _file_digest(path: str) -> bytes | None:
    """Return the digest of a file's path, size and mtime; None where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - 100,000 of them, and Path costs as much again
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    known_by = os.fsencode(os.path.abspath(path)) + f"\0{found.st_size}\0{found.st_mtime_ns}".encode()  # noqa: PTH100
    return hashlib.blake2b(known_by, digest_size=16).digest()


def _folder_name(described: Mapping[str, Any]) -> str:
    text = json.dumps(described, sort_keys=True, allow_nan=False)
    name = re.sub(r"\W+", "-", str(described["feature"].get("name", "feature")))
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
