"""Read the tracks that an experiment asks for."""

from __future__ import annotations

from genrelab.components import Collection, Track
from genrelab.config.experiment import DatasetChoice
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry


def read_dataset(choice: DatasetChoice, registry: Registry) -> Collection:
    """Return the tracks of the chosen dataset but those of excluded genres, with the dataset's notes.

    Raises:
        InputError: no track is left, a genre has no name that can be printed, or the dataset's plugin fails.
    """
    built = registry.build("dataset", choice.name, choice.params)
    with registry.calling("dataset", choice.name):
        tracks = tuple(track for track in built if _checked(track).label not in choice.exclude)
    if not tracks:
        raise InputError(f"dataset {choice.name!r}: has no tracks")
    hidden = sorted({track.label for track in tracks if not track.label.isprintable()})
    if hidden:
        raise InputError(
            f"dataset {choice.name!r}: genre {hidden[0]!a} has characters that cannot be printed; rename it"
        )
    return Collection(tracks, built.notes if isinstance(built, Collection) else ())


def _checked(track: object) -> Track:
    if not isinstance(track, Track):
        raise TypeError(f"expected tracks, got {type(track).__name__}")
    return track
