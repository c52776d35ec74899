"""What the searches tried, and how soon they found their best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from genrelab.compare.tables import Table
from genrelab.config.search import maximize
from genrelab.report.drawing import GOOD, GROUND, INK, label, look, new_figure
from genrelab.report.page import UNFOLDED, Block, Page, Text, unfolded
from genrelab.report.sections.surrogate import are_numbers, surrogate
from genrelab.report.study import Contender, Study
from genrelab.study.results import settings_text


def search(study: Study, page: Page) -> list[Block]:
    """Draw the best value so far of all candidates; the trials of each, and what a model of them says."""
    searched = sorted((c for c in study.contenders if c.trials), key=lambda c: c.number)
    if not searched:
        return [Text("Nothing is searched." if not any(c.space for c in study.contenders) else "No trial yet.")]
    metric, more = objective(study)
    blocks: list[Block] = []
    if any(_values(c, metric) for c in searched):
        caption = f"Best validation {metric} of each candidate's search so far.{study.selected}"
        figure = _best_so_far([c for c in searched if c.leads], metric, more)
        blocks.append(page.picture("best-so-far", figure, caption))
    parts = [(c.name, _one(c, page, metric, more)) for c in searched]
    shown = [(name, [Text(name, "heading"), *of]) for name, of in parts[:UNFOLDED]]  # what is folded has its title
    return [*blocks, *unfolded([*shown, *parts[UNFOLDED:]])]


def _one(contender: Contender, page: Page, metric: str, more: bool) -> list[Block]:
    page.working(f"search of {contender.name}")
    values = _values(contender, metric)
    blocks: list[Block] = []
    if len(values) > 1 and contender.space:
        caption = f"Trials of {contender.name}, a line each, by validation {metric}; the thick one is the best."
        figure = _parallel(contender, values, metric, more)
        blocks.append(page.picture(f"parallel-{contender.name}", figure, caption))
    if others := [name for name in _measured(contender) if name != metric]:
        caption = f"Trials of {contender.name} in both objectives; filled: on the Pareto front."
        figure = _objectives(contender, metric, others[0])
        blocks.append(page.picture(f"objectives-{contender.name}", figure, caption))
    table = page.table(f"trials-{contender.name}", _trials(contender, metric), words=(1, 3))
    return [*blocks, *surrogate(contender, page, metric), table]


def objective(study: Study) -> tuple[str, bool]:
    """Return the metric of the search and whether more of it is better."""
    known = next((c.analysis for c in study.contenders if "metric" in c.analysis), None)
    if known:
        return str(known["metric"]), bool(known["maximize"])
    metric = str(study.experiment.get("search", {}).get("metric", "loss"))
    return metric, maximize(metric)


def _values(contender: Contender, metric: str) -> dict[int, float]:
    """Return the objective of each completed trial: number -> value."""
    if trials := contender.analysis.get("trials"):
        return {t["number"]: float(t["values"][metric]) for t in trials if t["status"] == "completed"}
    results = {t.number: t.result for t in contender.trials if t.completed and t.result}
    found = {n: r["metrics"]["validation"].get(metric, r.get(metric)) for n, r in results.items()}
    return {n: float(value) for n, value in found.items() if value is not None and math.isfinite(value)}


def _best_so_far(contenders: Sequence[Contender], metric: str, more: bool) -> Figure:
    figure = new_figure(3.4 + 0.24 * -(-len(contenders) // 2))
    axes = figure.add_subplot()
    better = np.maximum if more else np.minimum
    for contender in contenders:
        if values := _values(contender, metric):
            numbers, style = np.array(sorted(values)), look(contender.number)
            each = np.array([values[n] for n in numbers])
            steps = {"drawstyle": "steps-post", "label": label(contender.name), **style}
            axes.plot(numbers + 1, better.accumulate(each), linewidth=1.8, **steps)
            axes.plot(numbers + 1, each, ".", color=style["color"], markersize=4, alpha=0.5)
    axes.set_xlabel("trial")
    axes.set_ylabel(f"validation {metric}")
    axes.grid()
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _measured(contender: Contender) -> list[str]:
    """Return what the search was told of its trials, where it had several objectives."""
    trials = contender.analysis.get("trials", []) if contender.analysis.get("pareto") else []
    return list(trials[0]["values"]) if trials else []


def _objectives(contender: Contender, metric: str, other: str) -> Figure:
    completed = [t for t in contender.analysis["trials"] if t["status"] == "completed"]
    front = contender.analysis["pareto"]
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    for full in (True, False):
        found = [t["values"] for t in completed if (t["number"] in front) == full]
        x, y = ([values[name] for values in found] for name in (other, metric))
        axes.plot(x, y, "o", color=GOOD, fillstyle="full" if full else "none")
    axes.set_xlabel(other)
    axes.set_ylabel(f"validation {metric}")
    axes.grid()
    return figure


def _parallel(contender: Contender, values: Mapping[int, float], metric: str, more: bool) -> Figure:
    """Draw parallel coordinates: an axis for each parameter and one for the metric."""
    names = [*contender.space]
    figure = new_figure(4.0, max(6.0, 1.5 * (len(names) + 1)))
    axes = figure.add_subplot()
    colors = ListedColormap(mpl.colormaps["plasma"](np.linspace(0.35, 0.85, 128)))  # these read on light and dark
    scale = Normalize(min(values.values()), max(values.values()))
    columns = [_Scale([contender.proposals[n].get(name) for n in values], contender.space[name]) for name in names]
    columns.append(_Scale([*values.values()], {}))
    best = (max if more else min)(values, key=lambda n: values[n])
    heights = np.array([column.heights for column in columns]).T
    lines = [np.column_stack([range(len(columns)), of]) for of in heights]
    shades = colors(scale([*values.values()]))
    axes.add_collection(LineCollection(lines, colors=shades, linewidths=1.1, alpha=0.9))  # there may be many
    axes.plot(heights[[*values].index(best)], color=INK, linewidth=2.6, alpha=0.9)
    for place, column in enumerate(columns):
        column.draw(axes, place)
    short = [label(name.removesuffix(".name").rpartition(".")[2], 16) for name in names]
    axes.set_xticks(range(len(columns)), [*short, metric], rotation=20 if len(columns) > 4 else 0)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.2, len(columns) - 0.4)
    figure.colorbar(ScalarMappable(scale, colors), ax=axes, label=f"validation {metric}")
    return figure


class _Scale:
    """One axis of the parallel coordinates: values in 0..1, and the ticks beside it.

    A parameter that does not apply to a trial has no value, and breaks its line.
    """

    def __init__(self, values: Sequence[Any], dimension: Mapping[str, Any]) -> None:
        given = [v for v in values if v is not None]
        if dimension.get("choice") or not are_numbers(given):
            order = [str(c) for c in dimension.get("choice", ())]
            order += sorted({str(v) for v in given} - set(order))
            self.heights = [
                order.index(str(v)) / max(1, len(order) - 1) if v is not None else math.nan for v in values
            ]
            self.ticks = [(i / max(1, len(order) - 1), label(text, 10)) for i, text in enumerate(order)]
            return
        bend = math.log if dimension.get("log") else float
        low = bend(dimension.get("low", min(given, default=1)))
        width = bend(dimension.get("high", max(given, default=1))) - low or 1.0
        self.heights = [(bend(v) - low) / width if v is not None else math.nan for v in values]
        back = math.exp if dimension.get("log") else float
        self.ticks = [(h, f"{back(low + h * width):.3g}") for h in (0, 0.5, 1)]

    def draw(self, axes: Axes, place: int) -> None:
        axes.axvline(place, color=INK, linewidth=0.8)
        for height, text in self.ticks:
            axes.text(place + 0.04, height, text, va="center", fontsize=8.5, bbox=_BEHIND)


_BEHIND: dict[str, Any] = {"facecolor": GROUND, "edgecolor": "none", "alpha": 0.7, "pad": 0.8}


def _trials(contender: Contender, metric: str) -> Table:
    values = _values(contender, metric)
    rows = []
    for trial, settings in zip(contender.trials, contender.proposals, strict=True):
        status = trial.result["status"] if trial.result else "running" if trial.epochs else "not begun"
        shown = f"{values[trial.number]:.4f}" if trial.number in values else "-"
        rows.append([str(trial.number), settings_text(settings), shown, status])
    return Table(f"Trials of {contender.name}", ("trial", "settings", f"validation {metric}", "status"), rows)
