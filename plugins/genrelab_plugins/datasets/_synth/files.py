"""Clips to files: rendered in parallel, each written whole or not at all."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache, partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile as sf
from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TimeRemainingColumn
from rich.text import Text

from genrelab import InputError, WorkError
from genrelab_plugins.datasets._synth.arrange import arrange
from genrelab_plugins.datasets._synth.genres import GENRES
from genrelab_plugins.datasets._synth.sound import Artist, create_artist, master, stream
from genrelab_plugins.datasets._synth.tones import RATE, Audio

if TYPE_CHECKING:
    from genrelab_plugins.datasets.synthetic import Clip, Params

_SHORT = 100  # seconds of audio that are rendered sooner than processes have started
_CHUNK = 4  # clips handed to a process at once, mostly of one artist
_GENRES = {genre.name: genre for genre in GENRES}


def render(clip: Clip, params: Params) -> Audio:
    """Compose and master one clip: (2, samples) at 44.1 kHz, within -1..1."""
    artist = _artist(clip.genre, clip.artist, params)
    rng = stream(params.seed, clip.genre, clip.artist, clip.number)
    return master(artist, arrange(artist, params.seconds, rng), rng)


@lru_cache(maxsize=2)
def _artist(genre: str, index: int, params: Params) -> Artist:
    return create_artist(
        _GENRES[genre], index, seed=params.seed, difficulty=params.difficulty, seconds=params.seconds
    )


def write_clips(clips: Sequence[Clip], params: Params, folder: Path) -> None:
    """Write the files of clips; where another process is at it, wait for it and write what it has left.

    Raises:
        InputError: the folder cannot be made.
        WorkError: a file could not be written, or a process of ours was killed.
    """
    try:
        for genre in {clip.genre for clip in clips}:
            (folder / genre).mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        with lock:
            for leftover in folder.glob("*/*.part"):
                leftover.unlink(missing_ok=True)
            _write_all([clip for clip in clips if not clip.path(params).exists()], params)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"synthetic: cannot write to {folder} ({error.strerror}): set another root") from error
    except (OSError, sf.LibsndfileError) as error:
        raise WorkError(f"synthetic: writing to {folder} failed: {error}") from error
    except BrokenProcessPool as error:
        text = "synthetic: a process that renders clips was killed (too little memory?); run again to go on"
        raise WorkError(text) from error


def _write_all(clips: Sequence[Clip], params: Params) -> None:
    long = len(clips) * params.seconds > _SHORT
    console = Console(stderr=True)
    columns = ("synthetic clips", BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (long and sys.stderr.isatty())) as progress:
        written = _in_processes(clips, params) if long else (write_clip(clip, params) for clip in clips)
        for _ in progress.track(written, total=len(clips)):
            pass


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:.0f}/s")


def _in_processes(clips: Sequence[Clip], params: Params) -> Iterator[Path]:
    workers = min(os.cpu_count() or 1, -(-len(clips) // _CHUNK))
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_end_with_parent) as pool:
        yield from pool.map(partial(write_clip, params=params), clips, chunksize=_CHUNK)


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        parent = parent_process()
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def write_clip(clip: Clip, params: Params) -> Path:
    """Render one clip and write its file, which gets its name only when it is whole; return it."""
    path = clip.path(params)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    encoded = io.BytesIO()  # as libsndfile does not say why it could not write a file
    sf.write(encoded, render(clip, params).T, RATE, format="MP3")
    part.write_bytes(encoded.getbuffer())
    return part.replace(path)
