"""What the headers of a collection's files say, read in parallel without decoding any audio.

Everything that decodes runs in processes of its own: a damaged file can end one, and decoders write to stderr.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import attrs
import soundfile
from joblib import cpu_count
from rich.console import Console
from rich.progress import Progress

from genrelab.components import Track
from genrelab.data.audio import why
from genrelab.data.pool import Lost, Pool, no_preparation

_TOGETHER = 200  # files of which a process reads the headers at a time
_FEW = 32  # so many items are one more process worth
_LIMIT = 600.0  # seconds that an item may take
T = TypeVar("T", bound=Hashable)
R = TypeVar("R")


@attrs.frozen
class Header:
    """What the header of an audio file says."""

    seconds: float
    """Of the track: less than the file's where it is a part of it."""
    sample_rate: int
    """Hz."""
    channels: int
    format: str
    """Container and coding, such as ``MP3`` or ``WAV PCM_16``."""
    kbits: float
    """Mean bit rate of the file, kbit/s."""


@attrs.frozen
class Survey:
    """A collection at a glance."""

    tracks: tuple[Track, ...]
    headers: tuple[Header | None, ...]
    """Of each track; None where the file cannot be read."""
    unreadable: tuple[tuple[str, str], ...]
    """(track id, why) of those."""

    @property
    def counts(self) -> dict[str, int]:
        """Tracks of each genre, the largest first; tracks without a label are left out."""
        found = Counter(t.label for t in self.tracks if t.label)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def unlabelled(self) -> int:
        """Tracks without a genre."""
        return sum(not t.label for t in self.tracks)

    @property
    def imbalance(self) -> float:
        """Tracks of the largest genre for each of the smallest."""
        return max(self.counts.values(), default=1) / min(self.counts.values(), default=1)

    @property
    def known(self) -> list[Header]:
        """The headers that could be read."""
        return [h for h in self.headers if h]

    def distinct(self, field: str) -> dict[str, int]:
        """Count the different artists, or albums, of each genre."""
        names = defaultdict[str, set[str]](set)
        for track in self.tracks:
            if getattr(track, field):
                names[track.label].add(getattr(track, field))
        return {genre: len(names[genre]) for genre in self.counts}


def survey(tracks: Sequence[Track]) -> Survey:
    """Read the header of every file; one that cannot be read is listed, and does no harm."""
    results: dict[Track, Header | str] = {}
    console = Console(stderr=True)
    with Progress(*Progress.get_default_columns(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("headers", total=len(tracks))
        for size in (_TOGETHER, 1):  # files that were read beside one that ends its process are read again, alone
            left = [t for t in tracks if t not in results]
            groups = [tuple(left[i : i + size]) for i in range(0, len(left), size)]
            for group, found in apart(_probe_all, groups):
                if isinstance(found, Lost) and size > 1:
                    continue
                results.update(zip(group, [found.message] if isinstance(found, Lost) else found, strict=True))
                bar.advance(task, len(group))
    found_of = [results[t] for t in tracks]
    headers = tuple(r if isinstance(r, Header) else None for r in found_of)
    unreadable = tuple((t.id, r) for t, r in zip(tracks, found_of, strict=True) if isinstance(r, str))
    return Survey(tuple(tracks), headers, unreadable)


def apart(work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, R | Lost]]:
    """Yield items and what was made of them in other processes, in any order."""
    workers = min(cpu_count(), 1 + len(items) // _FEW)
    return Pool(work, no_preparation, workers, _LIMIT).results(items)


def _probe_all(tracks: Sequence[Track]) -> list[Header | str]:
    return [_probe(track) for track in tracks]


def _probe(track: Track) -> Header | str:
    """Return the header of a track's file, or why there is none."""
    try:
        size = Path(track.path).stat().st_size
        if not size:
            return "has no bytes"
        info = soundfile.info(os.fspath(track.path))
        if not info.frames or not info.samplerate:
            return "its header claims no audio"
    except OSError as error:
        return error.strerror or str(error)
    except (soundfile.SoundFileError, TypeError, ValueError, OverflowError) as error:
        return why(error)
    whole = info.frames / info.samplerate
    seconds = max(min(track.duration or whole, whole - track.start), 0.0)
    plain = info.format == "MP3" or info.subtype == info.format
    coding = info.format if plain else f"{info.format} {info.subtype}"
    return Header(seconds, info.samplerate, info.channels, coding, size * 8 / whole / 1000)
