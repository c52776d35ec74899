"""Files called `genre/artist - title.wav` in a folder: this line is what `genrelab list` shows."""

from pathlib import Path

import attrs
from genrelab import Dataset, InputError, Track, hookimpl, setting


@attrs.frozen
class Params:
    """What is set but never searched."""

    root: str = setting("", help="folder with one subfolder a genre", place=True)
    ending: str = setting(".wav", help="ending of the audio files")


def build(params: Params) -> list[Track]:
    """List the tracks, in the same order every time."""
    root = Path(params.root)
    files = sorted(root.glob(f"*/*{params.ending}")) if params.root else []
    if not files:  # say what is wrong, where, and what to do
        raise InputError(f"my_dataset: no {params.ending} files in {root}: set root to their folder")
    return [_track(file, root) for file in files]


def _track(file: Path, root: Path) -> Track:
    artist, dash, title = file.stem.partition(" - ")
    # Whoever must not be on both sides of a split is the artist; "" where unknown, never a guess.
    return Track(
        id=file.relative_to(root).as_posix(), path=file, label=file.parent.name,
        artist=artist.strip() if dash else "", title=title if dash else artist,
    )  # fmt: skip


@hookimpl
def provide_datasets() -> list[Dataset]:
    return [Dataset("my_dataset", Params, build)]
