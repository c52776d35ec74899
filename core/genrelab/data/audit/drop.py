"""Leave a recording out of the subset that learns from it where it is also in one that judges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from genrelab.components import SUBSETS
from genrelab.csv_files import write_csv
from genrelab.data.audit.leaks import Leak, Leaks
from genrelab.data.splits import official_split
from genrelab.data.tracks import Tracks

DROPPED = "duplicates.csv"


def without_duplicates(tracks: Tracks, leaks: Leaks, folder: Path) -> tuple[Tracks, list[str]]:
    """Leave out of train what is in validation or test as well, and out of validation what is in test.

    The test set stays whole, so that results on it can be compared with those of others.

    Args:
        tracks: with their subsets.
        leaks: what straddles these.
        folder: where what is left out is listed.

    Returns:
        The other tracks, and what the user should know.

    Raises:
        InputError: train is left without a track of some genre, or a subset is left empty.
    """
    rows = [
        row for kind in ("identical", "near_duplicate") for leak in leaks.of(kind) for row in _superfluous(leak)
    ]
    dropped = {row[0]: row[1] for row in rows}
    write_csv(folder / DROPPED, ("id", "subset", "kind", "same_as", "there"), rows)
    kept = [(t, d) for t, d in zip(tracks.tracks, tracks.digests, strict=True) if t.id not in dropped]
    left = Tracks(tuple(t for t, _ in kept), tuple(d for _, d in kept))
    official_split(left.subsets, [t.label for t in left.tracks])  # raises where too little is left
    counts = Counter(dropped.values())
    listed = " and ".join(f"{counts[s]} of {s}" for s in SUBSETS if counts[s]) or "none"
    notes = [f"duplicates left out: {listed}; see {folder / DROPPED}"]
    if leaks.unsearched:
        notes.append(f"only identical files were left out as duplicates: {leaks.unsearched}")
    return left, notes


def _superfluous(leak: Leak) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the tracks of a leak that are not in the last of its subsets, each with one that is."""
    same_as, last = max(leak.tracks, key=lambda placed: SUBSETS.index(placed[1]))
    for track, subset in leak.tracks:
        if subset != last:
            yield track, subset, leak.kind, same_as, last
