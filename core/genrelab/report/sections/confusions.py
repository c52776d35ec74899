"""Which genres are taken for which, and how well each is recognised."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from genrelab.compare.tables import candidates_go_down
from genrelab.report.drawing import draw_matrix, label, new_figure
from genrelab.report.page import Block, Page, Text, unfolded
from genrelab.report.study import Contender, Study


def confusions(study: Study, page: Page) -> list[Block]:
    """Draw the confusion matrices of each candidate: counts, and each row as shares."""
    if not study.runs:
        return [Text("No final run is completed yet.")]
    classes, ranked = study.runs.test.classes, sorted(study.judged, key=study.score, reverse=True)
    return unfolded([(c.name, _matrices(c, classes, page)) for c in ranked])


def _matrices(contender: Contender, classes: tuple[str, ...], page: Page) -> list[Block]:
    counts = total_confusion(contender)
    blocks: list[Block] = []
    for name, fractions in (("counts", False), ("shares", True)):
        caption = f"{contender.name}, {len(contender.completed)} runs together: " + (
            "each row as shares of its genre, in %; the diagonal is the recall." if fractions else "test tracks."
        )
        figure = _draw(counts, classes, fractions=fractions)
        blocks.append(page.picture(f"confusion-{contender.name}-{name}", figure, caption))
    return blocks


def genres(study: Study, page: Page) -> list[Block]:
    """Draw F1 of each genre by candidate."""
    if not study.comparison:
        return [Text("No final run is completed yet.")]
    found = study.comparison["candidates"]
    support = study.comparison["test_set"]["genres"]
    values = np.array([[100 * found[c.name]["genres"][g]["f1"]["mean"] for c in study.judged] for g in support])
    rows = [f"{label(genre, 19)} ({count})" for genre, count in support.items()]
    columns = [c.name for c in study.judged]
    if candidates_go_down(len(columns), len(rows)):
        values, rows, columns = values.T, columns, rows
    figure = new_figure(1.8 + 0.32 * len(rows), 2.6 + (0.9 if len(columns) < 7 else 0.5) * len(columns))
    draw_matrix(figure.add_subplot(), values, 100, [[f"{v:.0f}" for v in row] for row in values], rows, columns)
    caption = "F1 % of each genre by candidate, mean over seeds; in brackets the test tracks of the genre."
    return [page.picture("genre-f1", figure, caption)]


def total_confusion(contender: Contender) -> NDArray[np.int64]:
    """Return the counts (true genre, predicted genre) of all completed final runs together."""
    total: NDArray[np.int64] = np.sum([t.confusion() for t in contender.completed], axis=0)
    return total


def _draw(counts: NDArray[np.int64], classes: tuple[str, ...], *, fractions: bool) -> Figure:
    values = counts.astype(float)
    if fractions:
        values = 100 * values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    texts = [[f"{v:.0f}" if v else "" for v in row] for row in values]
    side = 1.9 + (0.55 if len(classes) < 9 else 0.36) * len(classes)
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    draw_matrix(axes, values, 100 if fractions else max(1.0, values.max()), texts, classes, classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return figure
