"""What the search's model of its trials says: importance, slices, contours, and how well it predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from genrelab.report.drawing import GOOD, SOFT, label, logarithmic, new_figure
from genrelab.report.page import Block, Page, Text
from genrelab.report.study import Contender

_ACROSS = 3


def surrogate(contender: Contender, page: Page, metric: str) -> list[Block]:
    """Draw what analysis.json holds; say in one line what it lacks."""
    found, name = contender.analysis, contender.name
    parts: dict[str, tuple[Callable[[Any, str], Figure], str]] = {
        "importance": (_importance, "How much of the variation each parameter explains."),
        "slices": (
            _slices,
            f"{metric} as the model predicts it along each parameter, the others as in the best trial.",
        ),
        "contours": (_contours, f"{metric} as the model predicts it over pairs of parameters."),
        "cross_validation": (
            _validation,
            "Predictions for trials left out of the model, with their standard error.",
        ),
    }
    blocks: list[Block] = []
    for part, (draw, caption) in parts.items():
        if content := found.get(part):
            blocks.append(page.picture(f"{part}-{name}", draw(content, metric), f"{name}: {caption}"))
    lacking = [part.replace("_", "-") for part in parts if not found.get(part)]
    if lacking:
        why = "; ".join(found.get("notes", [])) if found else "the search has not ended"
        blocks.append(Text(f"{name}: no {', '.join(lacking)}: {why}."))
    return blocks


def _importance(shares: Mapping[str, float], _: str) -> Figure:
    ordered = sorted(shares.items(), key=lambda item: item[1])
    figure = new_figure(1.0 + 0.3 * len(ordered))
    axes = figure.add_subplot()
    axes.barh(range(len(ordered)), [100 * share for _, share in ordered], color=GOOD)
    axes.set_yticks(range(len(ordered)), [label(name, 40) for name, _ in ordered])
    axes.set_xlabel("importance %")
    return figure


def _slices(slices: Mapping[str, Mapping[str, Sequence[Any]]], metric: str) -> Figure:
    figure, places = _grid(len(slices), 2.3)
    for axes, (name, found) in zip(places, slices.items(), strict=False):
        x, mean, error = found["x"], np.array(found["mean"]), np.array(found["sem"])
        if are_numbers(x):
            axes.plot(x, mean, color=GOOD)
            axes.fill_between(x, mean - 1.96 * error, mean + 1.96 * error, color=GOOD, alpha=0.2, linewidth=0)
            _bend(axes.xaxis, x)
        else:
            axes.errorbar(range(len(x)), mean, 1.96 * error, color=GOOD, fmt="o", capsize=3)
            axes.set_xticks(range(len(x)), [label(str(v), 10) for v in x])
        axes.set_xlabel(label(name, 30))
        axes.grid()
    figure.supylabel(metric, fontsize=10.5)
    return figure


def _contours(contours: Sequence[Mapping[str, Any]], metric: str) -> Figure:
    figure, places = _grid(len(contours), 2.7)
    for axes, found in zip(places, contours, strict=False):
        xs, ys = (_positions(found[k]) for k in ("xs", "ys"))
        drawn = axes.contourf(xs, ys, np.array(found["mean"]), levels=12, cmap="viridis")
        for axis, values in ((axes.xaxis, found["xs"]), (axes.yaxis, found["ys"])):
            if are_numbers(values):
                _bend(axis, values)
            else:
                axis.set_ticks(range(len(values)), [label(str(v), 10) for v in values])
        axes.set_xlabel(label(found["x"], 30))
        axes.set_ylabel(label(found["y"], 30))
        bar = figure.colorbar(drawn, ax=axes)
        bar.ax.tick_params(labelsize=8)
    figure.suptitle(metric, fontsize=10.5)
    return figure


def _validation(points: Sequence[Mapping[str, float]], metric: str) -> Figure:
    observed, predicted, error = (np.array([p[k] for p in points]) for k in ("observed", "predicted", "sem"))
    figure = new_figure(4.2, 4.6)
    axes = figure.add_subplot()
    ends = [min(observed.min(), predicted.min()), max(observed.max(), predicted.max())]
    axes.plot(ends, ends, color=SOFT, linewidth=1)
    axes.errorbar(observed, predicted, error, fmt="o", color=GOOD, markersize=4, linewidth=0.8)
    axes.set_xlabel(f"observed {metric}")
    axes.set_ylabel("predicted")
    axes.grid()
    return figure


def _grid(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with places for so many small ones."""
    across = min(_ACROSS, count)
    rows = -(-count // across)
    figure = new_figure(0.3 + height * rows, max(4.0, 2.9 * across))
    places = list(figure.subplots(rows, across, squeeze=False).flat)
    for axes in places[count:]:
        axes.set_axis_off()
    return figure, places


def _positions(values: Sequence[Any]) -> Any:
    return np.array(values if are_numbers(values) else range(len(values)), dtype=float)


def are_numbers(values: Sequence[Any]) -> bool:
    """Tell whether values are numbers, not texts or booleans."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _bend(axis: Axis, values: Sequence[float]) -> None:
    """Take a logarithmic scale where values are spaced that way."""
    if min(values) > 0 and max(values) / min(values) >= 20:
        logarithmic(axis)
