"""Probabilities over time, as a table and as a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from genrelab.csv_files import write_csv
from genrelab.use.classifier import Timeline
from genrelab.use.rows import minutes

_SHOWN = 8  # genres with a colour of their own
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#ee8866", "#44bb99")
_REST = "#cccccc"


def write_timeline(folder: Path, path: str, timeline: Timeline, classes: Sequence[str], taken: set[str]) -> None:
    """Write NAME.csv (start, end, probability of each genre) and NAME.png for a file called NAME.

    Args:
        folder: where they go.
        path: of the file.
        timeline: its probabilities.
        classes: genres in their order.
        taken: names that are used already; gets the new one.
    """
    stem = re.sub(r"[^\w.-]+", "_", Path(path).stem).strip(".") or "audio"
    name = next(n for n in (stem, *(f"{stem}-{i}" for i in range(2, len(taken) + 3))) if n.lower() not in taken)
    taken.add(name.lower())
    times = np.column_stack([timeline.start, timeline.end]).round(3)
    rows = [[*t, *p] for t, p in zip(times.tolist(), timeline.probabilities.round(6).tolist(), strict=True)]
    write_csv(folder / f"{name}.csv", ["start", "end", *(f"p({c})" for c in classes)], rows)
    draw(timeline, classes, Path(path).name).savefig(folder / f"{name}.png", dpi=130)


def draw(timeline: Timeline, classes: Sequence[str], title: str) -> Figure:
    """Draw probabilities over time, one above the other; genres that are never probable share a grey.

    A window's probabilities stand from where it begins to where the next does; silence is a gap.
    """
    order = np.argsort(-timeline.probabilities.mean(0), kind="stable")
    named, rest = order[:_SHOWN], order[_SHOWN:]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    sorted_by_time = np.argsort(timeline.start, kind="stable")
    start, shares = timeline.start[sorted_by_time], timeline.probabilities[sorted_by_time]
    length = float(timeline.end[0] - timeline.start[0])
    width = np.minimum(np.append(np.diff(start), np.inf), length)
    end = min(float(timeline.end.max()), max(timeline.seconds, float(start[-1]) + 1e-3))
    width[-1] = max(end - start[-1], 1e-3)
    bottom = np.zeros(len(start))
    for genre, colour in zip(named, _COLOURS, strict=False):
        axes.bar(start, shares[:, genre], width, bottom, align="edge", color=colour, label=_plain(classes[genre]))
        bottom += shares[:, genre]
    if len(rest):
        axes.bar(start, 1 - bottom, width, bottom, align="edge", color=_REST, label=f"{len(rest)} others")
    axes.set(xlim=(0, end), ylim=(0, 1), ylabel="probability", xlabel="time, min:s")
    axes.xaxis.set_major_formatter(lambda value, _: minutes(value))
    axes.set_title(_plain(title), loc="left", fontsize="medium")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, reverse=True)
    return figure


def _plain(text: str) -> str:
    """Return a text in which matplotlib finds no mathematics, short enough for a picture."""
    printable = "".join(c if c.isprintable() else "?" for c in text).replace("$", r"\$")
    return printable if len(printable) <= 60 else printable[:59] + "…"
