"""GTZAN: 1,000 excerpts of 30 s in ten genres, in any of the layouts that circulate."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from genrelab import Collection, Dataset, hookimpl, setting


@attrs.frozen
class Params:
    """Where GTZAN is, and the lists that make a fair split of it."""

    root: str = setting("", help="folder that holds the ten genres, genres/ or genres_original/", place=True)
    train_list: str = setting(
        "", help="file that lists the excerpts of train, one a line; relative to root", place=True
    )
    validation_list: str = setting("", help="file that lists those of validation", place=True)
    test_list: str = setting("", help="file that lists those of test", place=True)
    artist_list: str = setting("", help="file with lines 'excerpt,artist' (or a tab between them)", place=True)


def build(params: Params) -> Collection:
    """List the excerpts, ordered by id (``blues.00000``).

    With the three lists, only what they name is used and `split` is the list's: the fault-filtered lists of
    Kereliuk, Sturm, Larsen (Deep learning and music adversaries, 2015), ``train_filtered.txt`` and so on, leave out
    what Sturm (The GTZAN dataset: its contents, its faults, their effects on evaluation, 2013) found to be repeated
    or distorted, and keep artists apart. An excerpt may be written ``blues/blues.00029.wav`` with any ending.

    Raises:
        InputError: no genre folders at the root, an excerpt twice, only one or two lists, a list that cannot be
            read or names no excerpt on a line, or an excerpt on two lists.
    """
    from genrelab_plugins.datasets._gtzan import collect

    lists = {"train": params.train_list, "validation": params.validation_list, "test": params.test_list}
    return collect(params.root, lists, params.artist_list)


@hookimpl
def provide_datasets() -> Iterable[Dataset]:
    """Provide ``gtzan``."""
    return [Dataset("gtzan", Params, build)]
