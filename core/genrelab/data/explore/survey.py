"""What the headers of a collection's files say, read in parallel without decoding any audio."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import soundfile
from rich.console import Console
from rich.progress import track as show_progress

from genrelab.components import Track

_THREADS = 8  # they wait for the disk


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
    with ThreadPoolExecutor(_THREADS) as pool:
        console = Console(stderr=True)
        found = show_progress(
            pool.map(_probe, tracks), "headers", len(tracks), console=console, disable=not console.is_terminal
        )
        results = list(found)
    headers = tuple(r if isinstance(r, Header) else None for r in results)
    unreadable = tuple((t.id, r) for t, r in zip(tracks, results, strict=True) if isinstance(r, str))
    return Survey(tuple(tracks), headers, unreadable)


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
        return str(getattr(error, "error_string", error)).rstrip(".")
    whole = info.frames / info.samplerate
    seconds = max(min(track.duration or whole, whole - track.start), 0.0)
    plain = info.format == "MP3" or info.subtype == info.format
    coding = info.format if plain else f"{info.format} {info.subtype}"
    return Header(seconds, info.samplerate, info.channels, coding, size * 8 / whole / 1000)
