"""Figures: one size of text, colours that colour-blind people tell apart, names of genres of any length."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000", "#8C8C00")
"""Okabe and Ito, Color Universal Design, 2008; yellow is too light for lines."""
STYLES = ("-", "--", ":")
_LONGEST = 24
_WIDTH = 6.6  # inches
_BINS = 40


def shortened(name: str) -> str:
    """Cut a long name."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def new_figure(height: float, width: float = _WIDTH) -> Figure:
    """Return an empty figure of so many inches, laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def save(figure: Figure, file: Path) -> None:
    """Write a figure as PNG."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a script that the font lacks
        figure.savefig(file, format="png")


def bars(values: Mapping[str, float], title: str, unit: str, notes: Sequence[str] = ()) -> Figure:
    """Draw horizontal bars, each with its value and, after it, its note."""
    figure = new_figure(1.1 + 0.28 * len(values))
    axes = figure.add_subplot()
    places = range(len(values))
    axes.barh(places, list(values.values()), color=COLORS[0])
    axes.set_yticks(places, [shortened(n) for n in values], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title, parse_math=False)
    axes.margins(x=0.22, y=0.02)
    for i, value in enumerate(values.values()):
        axes.text(value, i, f" {value:g}{f'  {notes[i]}' if notes else ''}", va="center", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def histogram(values: Sequence[float], title: str, unit: str) -> Figure:
    """Draw how often values of a range are met."""
    figure = new_figure(2.8)
    axes = figure.add_subplot()
    data = np.asarray(values)
    low, high = float(data.min()), float(data.max())
    if high - low < 0.02 * max(high, 1e-9):  # all alike: a spike is a spike, not a wall
        middle = (low + high) / 2
        low, high = middle * 0.9 - 0.5, middle * 1.1 + 0.5
    axes.hist(data, bins=np.linspace(low, high, _BINS).tolist(), color=COLORS[0])
    axes.set_xlabel(unit)
    axes.set_ylabel("tracks")
    axes.set_title(f"{title}: median {np.median(data):.3g}, {data.min():.3g} to {data.max():.3g}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def cloud(counts: Mapping[str, int]) -> Figure:
    """Draw the names of genres, larger where there are more tracks."""
    from wordcloud import WordCloud

    def color(*_: Any, random_state: Any, **__: Any) -> str:
        return COLORS[random_state.randrange(6)]

    words = WordCloud(
        width=1400, height=500, background_color="white", random_state=0, prefer_horizontal=1, color_func=color
    ).generate_from_frequencies({shortened(name): count for name, count in counts.items()})
    figure = new_figure(3.2)
    axes = figure.add_subplot()
    axes.imshow(words.to_array(), interpolation="bilinear")
    axes.set_axis_off()
    return figure


def spectra(levels: Mapping[str, Any], frequencies: Any, title: str) -> Figure:
    """Draw one curve in dB (frequencies,) for each genre, in colours and dashes."""
    figure = new_figure(4.6 + 0.1 * len(levels))
    axes = figure.add_subplot()
    for i, (genre, level) in enumerate(levels.items()):
        look = {"color": COLORS[i % len(COLORS)], "linestyle": STYLES[i // len(COLORS) % len(STYLES)]}
        axes.semilogx(frequencies[1:], level[1:], label=shortened(genre).lstrip("_"), linewidth=1.4, **look)
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("power, the loudest band of a genre at 0 dB")
    axes.set_xlim(left=30)
    axes.set_ylim(bottom=-100, top=5)
    axes.set_title(title)
    axes.grid(alpha=0.3)
    legend = figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure
