"""`synthetic`: short clips of eight invented genres, composed and written as MP3 files when first asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import attrs

from genrelab import Dataset, InputError, Track, hookimpl, setting
from genrelab_plugins.datasets._synth.genres import GENRES

VERSION = 1
"""Of the generator; part of the folder's name: raise it when any clip would sound different."""


@attrs.frozen
class Params:
    """Parameters of `synthetic`."""

    root: str = setting(
        ".genrelab/data", help="folder to write to; each choice of parameters has its own in it", place=True
    )
    clips: int = setting(480, low=8, high=1_000_000, help="clips in all, spread evenly over genres and artists")
    artists: int = setting(10, low=1, high=10_000, help="artists a genre")
    seconds: float = setting(4.0, low=1.0, high=600.0, help="length of a clip, seconds")
    difficulty: float = setting(0.3, low=0.0, high=1.0, help="share of traits that artists take from other genres")
    seed: int = setting(0, low=0, high=2**32 - 1, help="another seed, other artists and clips")


@attrs.frozen
class Clip:
    """One clip; with the parameters, all that its content depends on."""

    genre: str
    artist: int
    number: int

    @property
    def id(self) -> str:
        """``waltz-a03-c005``."""
        return f"{self.genre}-a{self.artist:02d}-c{self.number:03d}"

    def path(self, params: Params) -> Path:
        """Return the clip's file."""
        return folder(params) / self.genre / f"{self.id}.mp3"


def folder(params: Params) -> Path:
    """Return the folder of this choice of parameters: under the root, named after a hash of the others."""
    values = attrs.asdict(params, filter=attrs.filters.exclude("root")) | {"version": VERSION}
    key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]
    return Path(params.root).expanduser() / f"synthetic-{key}"


def list_clips(params: Params) -> list[Clip]:
    """List the clips, artist by artist; the numbers of clips of two artists differ by one at the most.

    Raises:
        InputError: fewer clips than artists.
    """
    artists = params.artists * len(GENRES)
    if params.clips < artists:
        raise InputError(
            f"synthetic: {params.clips} clips are too few for {artists} artists ({params.artists} in each of "
            f"{len(GENRES)} genres): ask for at least {artists} clips or fewer artists"
        )
    places = [(genre.name, artist) for artist in range(params.artists) for genre in GENRES]
    counts = [len(range(i, params.clips, artists)) for i in range(artists)]
    clips = zip(places, counts, strict=True)
    return sorted(
        (Clip(genre, artist, number) for (genre, artist), count in clips for number in range(count)),
        key=lambda clip: (clip.genre, clip.artist, clip.number),
    )


def build(params: Params) -> Iterable[Track]:
    """Return the tracks; compose and write those whose files are not there yet.

    Every clip is a stereo MP3 file at 44.1 kHz. A generation that was interrupted goes on where it was.

    Raises:
        InputError: fewer clips than artists, or the root is no folder that can be written to.
        WorkError: a file could not be written.
    """
    clips = list_clips(params)
    missing = [clip for clip in clips if not clip.path(params).exists()]
    if missing:
        from genrelab_plugins.datasets._synth.files import write_clips

        write_clips(missing, params, folder(params))
    return [_track(clip, params) for clip in clips]


def _track(clip: Clip, params: Params) -> Track:
    artist = f"{clip.genre} artist {clip.artist:02d}"
    title = f"{artist}, clip {clip.number:03d}"
    return Track(clip.id, clip.path(params), label=clip.genre, artist=artist, title=title)


@hookimpl
def provide_datasets() -> list[Dataset]:
    """Provide `synthetic`."""
    return [Dataset("synthetic", Params, build)]
