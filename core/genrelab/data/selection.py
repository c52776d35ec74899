"""Which tracks a study uses and in which subset: decided once, kept in the run directory, recalled ever after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from genrelab.components import SUBSETS, Collection, Track
from genrelab.config.experiment import SplitPlan
from genrelab.csv_files import write_csv
from genrelab.data.extract import Extraction
from genrelab.data.splits import Split, official_split, split_tracks
from genrelab.data.sums import SUMS, check_sum, write_sums
from genrelab.data.tracks import Tracks, read_tracks, write_tracks
from genrelab.errors import DamagedError, InputError, WorkError
from genrelab.files import read_json, tell_made_again, write_json

TRACKS, QUARANTINE, NOTES = "tracks.csv", "quarantine.csv", "notes.json"
_KEPT = (TRACKS, QUARANTINE, NOTES)


def select(
    collection: Collection, found: Sequence[Extraction], plan: SplitPlan, folder: Path, strict: bool
) -> tuple[Tracks, list[str]]:
    """Leave out the tracks that some feature cannot represent, and split the rest.

    Args:
        collection: the dataset.
        found: the collection in each feature of the study.
        plan: how to split.
        folder: where the files that cannot be used are listed.
        strict: whether there may be none of them.

    Returns:
        The usable tracks with their subsets, and what the user should know of them.

    Raises:
        InputError: no usable tracks, or a split that they do not allow.
        WorkError: files that cannot be used, where strict.
    """
    tracks, notes = collection.tracks, list(collection.notes)
    usable = np.all([f.rows >= 0 for f in found], axis=0)
    lost = _quarantined(found, tracks)
    kept = [t for t, use in zip(tracks, usable, strict=True) if use]
    if not kept:
        path, _, message = next(iter(lost.values()))
        raise InputError(f"none of {len(tracks)} audio files can be used; the first: {path}: {message}")
    notes += _report(lost, tracks, folder, strict)
    split, by_track = _split(kept, plan)
    notes += [*by_track, *split.notes]
    subset = {int(i): s for s in SUBSETS for i in getattr(split, s)}
    digests = tuple(d for d, use in zip(found[0].digests, usable, strict=True) if use)
    return Tracks(tuple(attrs.evolve(t, split=subset[i]) for i, t in enumerate(kept)), digests), notes


def keep_selection(folder: Path, tracks: Tracks, notes: Sequence[str]) -> None:
    """Write what was decided; the tracks say that all of it is there, so they come last but their checksum.

    Raises:
        WorkError: something else was decided before, and has been lost.
    """
    write_json(folder / NOTES, list(notes))
    write_tracks(folder / TRACKS, tracks)
    try:
        check_sum(folder / TRACKS)
    except DamagedError as error:
        (folder / TRACKS).unlink()
        raise WorkError(
            f"{folder / TRACKS}: is lost, and cannot be made again: the files of the dataset are not those that "
            "this study began with; restore either, or start the study anew in another run directory"
        ) from error
    write_sums(folder, _KEPT)


def recall_selection(folder: Path, strict: bool) -> tuple[Tracks, list[str]] | None:
    """Read what was decided when the study began; None where nothing was, or what is left of it is damaged.

    Raises:
        WorkError: it left out files that cannot be used, where strict.
    """
    if not any((folder / name).is_file() for name in (TRACKS, SUMS)):
        return None
    try:
        for name in _KEPT:
            check_sum(folder / name)
    except DamagedError as error:
        tell_made_again(error)
        return None
    if not (folder / SUMS).is_file():  # its writer was killed before
        write_sums(folder, _KEPT)
    if strict and len((folder / QUARANTINE).read_text("utf-8").splitlines()) > 1:
        raise WorkError(f"{folder / QUARANTINE}: this study began without these files; start it anew")
    notes: list[str] = read_json(folder / NOTES)
    return read_tracks(folder / TRACKS), notes


def move_selection(folder: Path, tracks: Tracks) -> None:
    """Write the tracks anew, whose files are elsewhere now."""
    (folder / SUMS).unlink(missing_ok=True)  # else a kill would leave that of other tracks
    write_tracks(folder / TRACKS, tracks)
    write_sums(folder, _KEPT)


def find_again(tracks: Tracks, collection: Collection) -> Tracks:
    """Return the tracks of a study with the files that they have in a dataset that has moved.

    Raises:
        InputError: some are not in it.
    """
    paths = {track.id: track.path for track in collection.tracks}
    lost = [t.id for t in tracks.tracks if t.id not in paths]
    if lost:
        count = len(tracks.tracks)
        raise InputError(f"{len(lost)} of {count} tracks of this run are not in the dataset, {lost[0]} among them")
    return attrs.evolve(tracks, tracks=tuple(attrs.evolve(t, path=paths[t.id]) for t in tracks.tracks))


def _split(tracks: Sequence[Track], plan: SplitPlan) -> tuple[Split, list[str]]:
    labels, artists = [t.label for t in tracks], [t.artist for t in tracks]
    if plan.by == "official":
        return official_split([t.split for t in tracks], labels), []
    by = plan.by if plan.by != "auto" else "artist" if any(artists) else "track"
    if by == "artist" and not any(artists):
        raise InputError('split.by = "artist", but no artist of any track is known; use "track"')
    optimistic = "the split is by track: artists may be on both sides, so scores are optimistic"
    files = [str(t.path) for t in tracks]
    how: dict[str, Any] = {"by": by, "fractions": plan.fractions, "seed": plan.seed}
    split = split_tracks(labels, artists, files, **how, folds=plan.folds, fold=plan.fold)
    return split, [optimistic] if by == "track" and any(artists) else []


def _quarantined(found: Sequence[Extraction], tracks: Sequence[Track]) -> dict[str, tuple[str, str, str]]:
    """Map the id of each unusable track to what its first failing feature says: path, reason, message."""
    rows: dict[str, tuple[str, str, str]] = {}
    for extraction in found:
        lost = [t.id for t, row in zip(tracks, extraction.rows, strict=True) if row < 0]
        rows = dict(zip(lost, extraction.quarantined, strict=True)) | rows
    return rows


def _report(
    lost: dict[str, tuple[str, str, str]], tracks: Sequence[Track], folder: Path, strict: bool
) -> list[str]:
    file = folder / QUARANTINE
    write_csv(file, ("id", "path", "reason", "message"), [(t.id, *lost[t.id]) for t in tracks if t.id in lost])
    if not lost:
        return []
    counts = ", ".join(f"{n} {reason}" for reason, n in Counter(row[1] for row in lost.values()).most_common())
    note = f"{len(lost)} of {len(tracks)} files cannot be used ({counts}); see {file}"
    if strict:
        raise WorkError(note)
    return [note]
