"""How figures look, and how they are written: as files of their own, and as parts of a page, light or dark.

Text and lines have colours that no data has. In the SVG that stands in the page they are replaced by the page's
own, which follow the reader's choice of light or dark; colours of data read on both grounds.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from genrelab.files import write_bytes

INK, SOFT, GROUND = "#1a1b1c", "#808183", "#fffffe"
"""Of text and lines; of grids; of what lies behind."""
_PAGE = {INK: "currentColor", SOFT: "var(--soft)", GROUND: "var(--ground)"}
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c8c00", "#8a8a8a")
"""After Okabe and Ito, Color Universal Design, 2008, without black and yellow, which only one ground shows."""
GOOD, BAD = COLORS[0], COLORS[4]
STYLES = ("-", "--", ":", "-.")
MARKERS = ("o", "^", "s", "D")
WIDTH = 5.6
"""Inches of a usual figure: on a telephone its text is still read."""
_LONGEST = 24

STYLE: Any = {
    "font.size": 10.5,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "axes.titlesize": 11,
    "axes.titleweight": "normal",
    "figure.titlesize": 11.5,
    "text.parse_math": False,  # titles and genres come from strangers
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": GROUND,
    "savefig.facecolor": GROUND,
    "legend.facecolor": GROUND,
    "legend.edgecolor": "none",
    "legend.labelcolor": INK,
    "legend.framealpha": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": SOFT,
    "grid.alpha": 0.35,
    "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
    "svg.hashsalt": "genrelab",
}


def label(text: str, longest: int = _LONGEST) -> str:
    """Cut a long name, and leave out characters that are none."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def look(number: int) -> dict[str, Any]:
    """Return colour and line style of the curve with this number; 32 differ."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": STYLES[number // len(COLORS) % len(STYLES)]}


def spot(number: int) -> dict[str, Any]:
    """Return colour and marker of the points with this number; 32 differ."""
    return {"color": COLORS[number % len(COLORS)], "marker": MARKERS[number // len(COLORS) % len(MARKERS)]}


def logarithmic(axis: Axis) -> None:
    """Make an axis logarithmic once all is drawn, with plain numbers: formulas, as matplotlib has them, are off."""
    low, high = axis.get_data_interval()
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1,) if high > 20 * low else (1, 2, 5)))
    large = EngFormatter(sep="")  # 20k, 1M
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}" if v < 1e4 else large(v)))
    axis.set_minor_locator(NullLocator())


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Return an empty figure of so many inches, laid out so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def tinted(values: NDArray[Any], most: float) -> NDArray[np.float64]:
    """Colour values (rows, columns) by how far they are from 0: the ground where 0, full colour at `most`.

    Returns:
        (rows, columns, 4) RGBA, blue above 0, red below.
    """
    scaled = np.clip(np.nan_to_num(values) / (most or 1), -1, 1)
    colors = np.where(scaled[..., None] >= 0, to_rgb(GOOD), to_rgb(BAD))
    return np.concatenate([colors, np.abs(scaled)[..., None]], axis=-1)


def draw_matrix(
    axes: Axes,
    values: NDArray[Any],
    most: float,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
) -> None:
    """Draw a matrix of tinted cells with a text in each, names down the side and across the bottom."""
    axes.imshow(tinted(values, most), interpolation="none", aspect="auto")
    size = 9.5 if max(values.shape) <= 9 else 8
    for (row, column), value in np.ndenumerate(values):
        full = abs(np.nan_to_num(value)) > 0.6 * most
        axes.text(
            column,
            row,
            texts[row][column],
            ha="center",
            va="center",
            fontsize=size,
            color="#ffffff" if full else INK,
        )
    steep = 90 if len(columns) > 6 or max(map(len, columns), default=0) > 10 else 0
    axes.set_xticks(range(len(columns)), [label(c) for c in columns], rotation=steep)
    axes.set_yticks(range(len(rows)), [label(r) for r in rows])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def write_figure(figure: Figure, folder: Path, name: str) -> str:
    """Write a figure as NAME.png and NAME.svg; return the SVG for a page, without width and height of its own."""
    with warnings.catch_warnings(), mpl.rc_context(STYLE):
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a script that the font lacks
        for kind in ("png", "svg"):
            content = io.BytesIO()
            figure.savefig(content, format=kind, dpi=150 if kind == "png" else 110, metadata=_metadata(kind))
            write_bytes(folder / f"{name}.{kind}", content.getbuffer())
            figure.set_layout_engine("none")  # what is laid out stays so; it takes as long as drawing
    return for_page(content.getvalue().decode(), name)


def _metadata(kind: str) -> dict[str, Any]:
    """Leave out the time, so that the same study gives the same bytes."""
    return {"Date": None} if kind == "svg" else {}


def for_page(svg: str, name: str) -> str:
    """Make an SVG file a part of a page: colours of the page, identifiers of its own."""
    start = svg.index("<svg")
    inner = re.sub(r"<metadata>.*?</metadata>", "", svg[start:], count=1, flags=re.DOTALL)
    inner = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", inner, count=1)
    inner = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", inner, count=1)
    inner = re.sub(r'\bid="', f'id="{name}-', inner)
    inner = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", inner)
    for color, of_page in _PAGE.items():
        inner = inner.replace(color, of_page)
    return inner
