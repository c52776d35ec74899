"""How the final runs were trained: losses, F1-macro and learning rate by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genrelab.report.drawing import label, logarithmic, look, new_figure
from genrelab.report.page import Block, Page, Text
from genrelab.report.study import Contender, Study

_PANELS: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "training loss": lambda r: float(r["train"]["loss"]),
    "validation loss": lambda r: float(r["validation"]["loss"]),
    "validation F1-macro %": lambda r: 100 * float(r["validation"]["f1_macro"]),
    "learning rate": lambda r: float(r["learning_rate"]),
}


def curves(study: Study, page: Page) -> list[Block]:
    """Draw the curves of all candidates, with bands over seeds."""
    begun = [c for c in study.contenders if c.leads and any(t.epochs for t in c.finals)]
    if not begun:
        return [Text("No final run has ended an epoch yet.")]
    caption = (
        "Final runs. Lines are means over seeds, bands go from the lowest to the highest, as far as all seeds were "
        "trained; thin lines go on with those that were stopped later. Dots: the epochs whose weights were kept."
        + study.selected
    )
    return [page.picture("curves", _draw(begun), caption)]


def _draw(contenders: list[Contender]) -> Figure:
    rows = -(-len(contenders) // 3)
    figure = new_figure(5.4 + 0.24 * rows, 8)
    for axes, (name, value) in zip(figure.subplots(2, 2, sharex=True).flat, _PANELS.items(), strict=True):
        for contender in contenders:
            _draw_one(axes, contender, value, dotted=name.startswith("validation"))
        axes.set_title(name)
        axes.grid()
        if name == "learning rate":
            logarithmic(axes.yaxis)
    for axes in figure.axes[2:]:
        axes.set_xlabel("epoch")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(names)))
    return figure


def _draw_one(axes: Axes, contender: Contender, value: Callable[..., float], *, dotted: bool) -> None:
    style = look(contender.number)
    series = [np.array([value(r) for r in t.epochs]) for t in contender.finals if t.epochs]
    shared = min(map(len, series))
    common, epochs = np.stack([s[:shared] for s in series]), np.arange(1, shared + 1)
    axes.plot(epochs, common.mean(axis=0), linewidth=1.8, label=label(contender.name), **style)
    axes.fill_between(epochs, common.min(axis=0), common.max(axis=0), color=style["color"], alpha=0.18, linewidth=0)
    for one in series:
        axes.plot(np.arange(shared, len(one) + 1), one[shared - 1 :], linewidth=0.7, alpha=0.8, **style)
    best = [t.result["best_epoch"] for t in contender.finals if t.epochs and t.completed and t.result]
    if dotted:
        ended = [s for s, t in zip(series, (t for t in contender.finals if t.epochs), strict=True) if t.completed]
        heights = [s[b - 1] for s, b in zip(ended, best, strict=True)]
        axes.plot(best, heights, "o", color=style["color"], markersize=3.5)
