"""The most confused pairs of genres, seen on the clearest examples of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from genrelab.compare.metrics import Floats, Indices
from genrelab.report.drawing import label
from genrelab.report.page import Block, Page, Text
from genrelab.report.sections.confusions import total_confusion
from genrelab.report.sections.spectrograms import Shown, side_by_side
from genrelab.report.study import Study

_PAIRS = 4


class Pair(NamedTuple):
    """One genre taken for another."""

    true: int
    taken: int
    share: float
    """Of the tracks of the genre."""


def confused(study: Study, page: Page) -> list[Block]:
    """Show for each of the most confused pairs a track of each genre that is recognised, and a mistaken one."""
    best = study.best
    if not best or not study.runs or not study.tracks:
        return [Text("No final run is completed yet.")]
    test, mean = study.runs.test, study.finals(best).probabilities.mean(axis=0)
    tracks = [t for t in study.tracks.tracks if t.split == "test"]
    pairs = most_confused(total_confusion(best))
    if not pairs:
        return [Text(f"{best.name} confuses no genres.")]
    blocks: list[Block] = [
        Text(
            f"Genres that {best.name}, the candidate with the highest F1-macro, takes for another most often. "
            "Left: the track that is most surely recognised; in the middle: the one that is most surely mistaken; "
            "right: the most surely recognised one of the genre it is taken for. A place is left out where the "
            "mean of the runs has none."
        )
    ]
    for place, pair in enumerate(pairs, 1):
        page.working(f"confused pair {place}")
        true, taken = test.classes[pair.true], test.classes[pair.taken]
        wanted = ((pair.true, pair.true), (pair.true, pair.taken), (pair.taken, pair.taken))
        found = [_clearest(mean, test.true, of, called) for of, called in wanted]
        shown = [
            Shown(tracks[i], _said(test.classes[of], test.classes[called], mean[i, called]))
            for i, (of, called) in zip(found, wanted, strict=True)
            if i is not None
        ]
        caption = f"{true} taken for {taken}: {100 * pair.share:.0f} % of the test tracks of {true}."
        blocks += side_by_side(shown, study, page, f"confused-{place}", caption)
    return blocks


def most_confused(counts: Indices) -> list[Pair]:
    """Return the pairs that are confused most often, as shares of the true genre; at most four."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:_PAIRS]
    cells = [np.unravel_index(i, shares.shape) for i in order]
    return [Pair(int(i), int(j), float(shares[i, j])) for i, j in cells if shares[i, j] > 0]


def _said(true: str, called: str, p: float) -> str:
    taken = "recognised" if called == true else f"taken for {label(called, 14)}"
    return f"{label(true, 14)}, {taken} ({p:.2f})"


def _clearest(mean: Floats, true: Indices, genre: int, called: int) -> int | None:
    """Return the track of a genre that is most surely called so; None where the mean of the runs calls none so."""
    of = np.flatnonzero((true == genre) & (mean.argmax(axis=1) == called))
    return int(of[mean[of, called].argmax()]) if len(of) else None
