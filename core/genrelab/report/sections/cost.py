"""What quality costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from genrelab.compare.costs import COSTS, shown_cost
from genrelab.compare.tables import MANY, Table
from genrelab.report.drawing import SOFT, label, logarithmic, new_figure, spot
from genrelab.report.page import Block, Page, Text
from genrelab.report.study import Study
from genrelab.times import HEADER, TITLE, shares


def cost(study: Study, page: Page) -> list[Block]:
    """Draw F1-macro against each cost, with the Pareto front; tell where the time of the study went."""
    blocks = _fronts(study, page)
    if study.times:
        blocks.append(page.table("times", Table(TITLE, HEADER, shares(study.times))))
    return blocks


def _fronts(study: Study, page: Page) -> list[Block]:
    if not study.comparison:
        return [Text("No final run is completed yet.")]
    caption = (
        "F1-macro, with its 95 % interval, against cost. The line joins the Pareto front: the candidates that none "
        "beats in both. Seconds and memory compare only between runs on the same machine, equally busy."
        + (f" In grey: all but the best {MANY}." if study.selected else "")
    )
    return [page.picture("pareto", _draw(study, list(study.comparison["pareto"])), caption)]


def _draw(study: Study, costs: Sequence[str]) -> Figure:
    rows = -(-len(costs) // 2)
    figure = new_figure(2.9 * rows + 0.24 * -(-sum(c.leads for c in study.judged) // 3), 8)
    places = figure.subplots(rows, 2, sharey=True, squeeze=False).flat
    for name, axes in zip(costs, places, strict=False):
        _draw_one(axes, study, name)
    for axes in [*places]:
        axes.set_axis_off()
    figure.supylabel("F1-macro %", fontsize=10.5)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(3, len(names)))
    return figure


def _draw_one(axes: Any, study: Study, cost: str) -> None:
    found = study.comparison["candidates"]
    names = study.comparison["pareto"][cost]
    front = sorted((shown_cost(cost, found[n][cost]), 100 * found[n]["scores"]["f1_macro"]["mean"]) for n in names)
    axes.plot(*zip(*front, strict=True), color=SOFT, linewidth=1)
    for contender in study.judged:
        value = found[contender.name]["scores"]["f1_macro"]
        middle, low, high = (100 * value[k] for k in ("mean", "low", "high"))
        x = shown_cost(cost, found[contender.name][cost])
        if not contender.leads:
            axes.plot(x, middle, "o", color=SOFT, markersize=4, zorder=1)
            continue
        style = spot(contender.number)
        axes.plot([x, x], [low, high], color=style["color"], linewidth=1, alpha=0.6)
        axes.plot(x, middle, linestyle="", markersize=8, label=label(contender.name), **style)
    logarithmic(axes.xaxis)
    axes.set_xlabel(COSTS[cost])
    axes.grid()
