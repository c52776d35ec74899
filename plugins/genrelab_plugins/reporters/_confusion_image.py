"""A confusion matrix as an image."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import numpy as np
import PIL.Image
from matplotlib.figure import Figure

LONGEST = 24
"""Characters of a genre's name that are shown."""
MARGIN, EDGE = 2.2, 0.4
"""Inches: the place for the names, and opposite to them."""
NUMBERED = 40
"""Genres up to which the cells hold numbers."""


def confusion_image(
    counts: Sequence[Sequence[int]], classes: Sequence[str], *, title: str, fractions: bool = False
) -> PIL.Image.Image:
    """Draw a confusion matrix, true genres down, predicted genres across.

    Args:
        counts: (true genre, predicted genre), as many of each as there are classes.
        classes: the genres' names; long ones are cut.
        title: stands above.
        fractions: show each row as fractions of its sum (the diagonal is then the recall).

    Returns:
        An image, larger with more genres.
    """
    # A genre in a script that the font lacks is drawn as boxes. Not within catch_warnings: not safe on a thread.
    warnings.filterwarnings("ignore", message="Glyph .* missing from")
    matrix = np.asarray(counts, dtype=float)
    if fractions:
        matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cell = min(0.42, 20 / len(classes))  # inches
    cells = cell * len(classes)
    side = MARGIN + cells + EDGE
    figure = Figure(figsize=(side, side), dpi=100)
    axes = figure.add_axes((MARGIN / side, MARGIN / side, cells / side, cells / side))
    darkest = 1 if fractions else max(matrix.max(), 1)
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=darkest)
    names = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in classes]
    ticks = range(len(names))
    size = min(10, 60 * cell)  # points
    axes.set_xticks(ticks, names, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(ticks, names, fontsize=size, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize="medium", parse_math=False)
    for (row, column), value in np.ndenumerate(matrix):
        if value and len(classes) <= NUMBERED:
            text = f"{value:.2f}".lstrip("0") if fractions else f"{value:.0f}"
            color = "white" if value > darkest / 2 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return PIL.Image.open(png)
