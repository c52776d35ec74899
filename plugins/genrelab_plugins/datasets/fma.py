"""FMA, the Free Music Archive dataset: 30 s clips in nested subsets, with artists and an official split."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from genrelab import Collection, Dataset, hookimpl, one_of, setting

SUBSETS = ("small", "medium", "large", "full")
"""Each holds the ones before it: 8,000 clips of 8 genres, 25,000 of 16, 106,574, and these as untrimmed tracks."""


@attrs.frozen
class Params:
    """Where FMA is, and which part of it is used."""

    root: str = setting(
        ".genrelab/data/fma", help="folder that holds fma_metadata and fma_small, fma_medium, ...", place=True
    )
    subset: str = one_of("small", SUBSETS, help="8,000 | 25,000 | 106,574 clips | 106,574 whole tracks")
    min_tracks: int = setting(1, low=1, high=100_000, help="genres with fewer tracks in the subset are left out")


def build(params: Params) -> Collection:
    """List the tracks of a subset, ordered by id (the file's name: ``000002``).

    The label is the top genre (tracks without one are left out and counted), the artist FMA's artist id. The
    official split, which keeps artists apart, is used where an experiment says ``split.by = "official"``. Files
    that are missing are listed: their quarantine is seen. From Defferrard et al., FMA: a dataset for music
    analysis, ISMIR 2017.

    Raises:
        InputError: no metadata or no audio at the root, metadata that are not FMA's, or no track is left.
    """
    from genrelab_plugins.datasets._fma import collect

    return collect(params.root, SUBSETS[: SUBSETS.index(params.subset) + 1], params.min_tracks)


@hookimpl
def provide_datasets() -> Iterable[Dataset]:
    """Provide ``fma``."""
    return [Dataset("fma", Params, build)]
