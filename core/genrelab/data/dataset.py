"""Read the tracks that an experiment asks for."""

from __future__ import annotations

from genrelab.components import Collection
from genrelab.config.experiment import DatasetChoice
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry


def read_dataset(choice: DatasetChoice, registry: Registry) -> Collection:
    """Return the tracks of the chosen dataset but those of excluded genres, with the dataset's notes.

    Raises:
        InputError: no track is left.
    """
    built = registry.get("dataset", choice.name).build(choice.params)
    tracks = tuple(track for track in built if track.label not in choice.exclude)
    if not tracks:
        raise InputError(f"dataset {choice.name!r}: has no tracks")
    return Collection(tracks, built.notes if isinstance(built, Collection) else ())
