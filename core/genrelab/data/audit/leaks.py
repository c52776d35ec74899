"""What straddles the split of a study, and how many test tracks it touches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.components import SUBSETS, Track
from genrelab.data.audit.duplicates import find_duplicates
from genrelab.data.audit.fingerprints import unfit
from genrelab.data.store import FeatureStore, Rows
from genrelab.data.tracks import Tracks
from genrelab.files import read_json, recall_json, write_json

KINDS = {
    "artist": ("artist", "artists"),
    "album": ("album", "albums"),
    "identical": ("identical recording", "identical recordings"),
    "near_duplicate": ("near-duplicate recording", "near-duplicate recordings"),
}
"""What is looked for, in the words of the user: one, several."""


@attrs.frozen
class Leak:
    """Something whose tracks are in several subsets."""

    kind: str
    """A key of KINDS."""
    name: str
    """The artist, the album, or the first of the tracks."""
    tracks: tuple[tuple[str, str], ...]
    """(id, subset) of each of its tracks."""
    offset: float = 0.0
    """Of a near-duplicate: seconds by which the second track is behind the first."""
    agreement: float = 1.0
    """Of a near-duplicate: correlation of the two, up to 1."""

    @property
    def tests(self) -> set[str]:
        """Ids of the test tracks that it touches."""
        return {i for i, subset in self.tracks if subset == "test"}


@attrs.frozen
class Leaks:
    """Everything that straddles a split."""

    leaks: tuple[Leak, ...]
    tests: int
    """Tracks in the test set."""
    unsearched: str = ""
    """Why near-duplicates were not looked for; empty where they were."""

    def of(self, kind: str) -> list[Leak]:
        """Return the leaks of a kind."""
        return [leak for leak in self.leaks if leak.kind == kind]

    def touched(self, kind: str = "") -> int:
        """Count the test tracks touched by a kind of leak, or by any."""
        return len({i for leak in self.leaks if kind in ("", leak.kind) for i in leak.tests})

    def note(self) -> str | None:
        """Say it in a line; None where nothing straddles."""
        counts = Counter(leak.kind for leak in self.leaks)
        found = [f"{n} {KINDS[kind][n > 1]}" for kind in KINDS if (n := counts[kind])]
        if not found:
            return None
        listed = " and ".join(filter(None, [", ".join(found[:-1]), found[-1]]))
        verb = "straddles" if len(self.leaks) == 1 else "straddle"
        return f"audit: {listed} {verb} the split, touching {self.touched()} of {self.tests} test tracks"


def audit_once(tracks: Tracks, store: FeatureStore, rows: Rows, seconds: float, file: Path) -> Leaks:
    """Audit the split of a study once and keep the result in a file.

    Args:
        tracks: of the study, with their subsets.
        store: holds a feature of them.
        rows: (tracks,) of the store.
        seconds: length of a clip.
        file: JSON; where it is there already, it is believed.
    """
    if recall_json(file) is None:
        write_leaks(file, find_leaks(tracks, store, rows, seconds))
    return read_leaks(file)


def find_leaks(tracks: Tracks, store: FeatureStore, rows: Rows, seconds: float) -> Leaks:
    """Find what straddles a split; the arguments are those of `audit_once`."""
    unsearched = unfit(store.shape, seconds)
    found = [*_shared(tracks)]
    if not unsearched:
        found += _near_duplicates(tracks, store, rows, seconds)
    return Leaks(tuple(found), tracks.subsets.count("test"), unsearched)


def write_leaks(file: Path, leaks: Leaks) -> None:
    """Write leaks as JSON: counts, the line, and every leak with its tracks."""
    counts = {
        kind: {"straddling": len(leaks.of(kind)), "test_tracks": leaks.touched(kind)}
        for kind in KINDS
        if kind != "near_duplicate" or not leaks.unsearched
    }
    content: dict[str, Any] = {
        "note": leaks.note(),
        "test_tracks": leaks.tests,
        "test_tracks_touched": leaks.touched(),
        "near_duplicates_unsearched": leaks.unsearched,
        "counts": counts,
        "leaks": [attrs.asdict(leak) for leak in leaks.leaks],
    }
    write_json(file, content)


def read_leaks(file: Path) -> Leaks:
    """Return what `write_leaks` has written."""
    content = read_json(file)
    leaks = [Leak(**{**leak, "tracks": tuple(map(tuple, leak["tracks"]))}) for leak in content["leaks"]]
    return Leaks(tuple(leaks), content["test_tracks"], content["near_duplicates_unsearched"])


def _shared(tracks: Tracks) -> Iterator[Leak]:
    """Yield artists, albums and digests that tracks of several subsets have in common.

    An album is known by its artist too: many are called "Live".
    """
    for kind, names in (
        ("artist", [t.artist for t in tracks.tracks]),
        ("album", [f"{t.album} ({t.artist or 'artist unknown'})" if t.album else "" for t in tracks.tracks]),
        ("identical", tracks.digests),
    ):
        groups = defaultdict[str, list[Track]](list)
        for name, track in zip(names, tracks.tracks, strict=True):
            groups[name].append(track)
        for name, members in groups.items():
            if name and len({t.split for t in members}) > 1:
                yield Leak(kind, members[0].id if kind == "identical" else name, _placed(members))


def _near_duplicates(tracks: Tracks, store: FeatureStore, rows: Rows, seconds: float) -> Iterator[Leak]:
    for a, b, offset, agreement in find_duplicates(store, rows, seconds, tracks.subsets):
        if tracks.digests[a] != tracks.digests[b]:
            pair = [tracks.tracks[a], tracks.tracks[b]]
            placed = _placed(pair)
            turned = placed[0][0] != pair[0].id
            shift = round(-offset if turned else offset, 2) + 0.0  # no -0.0
            yield Leak("near_duplicate", placed[0][0], placed, shift, round(min(agreement, 1.0), 3))


def _placed(members: Sequence[Track]) -> tuple[tuple[str, str], ...]:
    """Return (id, subset) of tracks, train first."""
    order = {subset: i for i, subset in enumerate(SUBSETS)}
    return tuple(sorted(((t.id, t.split) for t in members), key=lambda placed: (order[placed[1]], placed[0])))  # type: ignore[index]
