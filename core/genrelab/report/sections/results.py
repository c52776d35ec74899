"""The verdict, the results table with intervals, and which differences are more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genrelab.compare.tables import TITLES, Table, lines, tables
from genrelab.compare.words import differs, p_text
from genrelab.report.drawing import GOOD, INK, SOFT, draw_matrix, label, look, new_figure
from genrelab.report.page import Block, Lines, Page, Text
from genrelab.report.study import Contender, Study
from genrelab.study.results import HEADER, SCORES, settings_text

_SHOWN = ("f1_macro", "accuracy", "f1_weighted")


def results(study: Study, page: Page) -> list[Block]:
    """Tell scores with intervals, forest plots, pairs, and everything that `genrelab compare` says."""
    if not study.comparison:
        return [Text("No final run is completed yet, so there is nothing to compare.")]
    found = study.comparison
    blocks: list[Block] = [
        page.table("results", results_table(study), words=(7,)),
        page.picture(
            "scores", _forest(study), "Mean over seeds with its 95 % interval; small dots are single runs."
        ),
    ]
    if found["pairs"]:
        blocks += [
            page.picture(
                "differences",
                _differences(study),
                "Difference of each candidate from the one with the highest F1-macro, with its 95 % interval. "
                "Filled: more than chance at 5 %, all pairs considered (Holm).",
            ),
            page.picture(
                "pairs",
                _pairwise(found, [c.name for c in study.judged if c.leads]),
                "Points of F1-macro by which the row is better than the column; * p < 0.05, ** p < 0.01, "
                f"*** p < 0.001 (permutation test over artists, Holm over all pairs).{study.selected}",
            ),
        ]
    blocks += [Lines("What to be careful about", found["notes"])] if found["notes"] else []
    blocks += [Lines("Every pair", [f"{pair['sentence']}." for pair in found["pairs"]])] if found["pairs"] else []
    blocks += [Text(line) for line in lines(found)[len(found["notes"]) + len(found["pairs"]) : -1]]
    if ranks := found["friedman"]:
        caption = (
            "Mean ranks over seeds (1 is best); what a bar joins differs by less than the critical difference."
        )
        blocks.append(page.picture("critical-difference", draw_ranks(ranks), caption))
    for name, table in zip(_table_names(found), tables(found), strict=True):
        blocks.append(page.table(name, table))
    return blocks


def results_table(study: Study) -> Table:
    """Return the table of the reference study, with intervals."""
    rows = [_row(study, c) for c in study.contenders]
    return Table("Test set: mean over seeds (95 % interval)", HEADER, rows)


def _row(study: Study, contender: Contender) -> list[str]:
    found = study.comparison["candidates"].get(contender.name)
    trials = str(sum(t.result is not None for t in contender.trials))
    if not found:
        return [contender.name, *["-"] * 5, trials, "no final run is completed"]
    scores = [_with_ends(found["scores"][score]) for score in SCORES]
    seconds = mean(t.result["epoch_seconds"] for t in contender.completed if t.result)
    chosen = settings_text(contender.chosen) or "as in the file"
    return [contender.name, *scores, f"{found['parameters']:,}", f"{seconds:.2f}", trials, chosen]


def _with_ends(value: Mapping[str, float]) -> str:
    middle, low, high = (100 * value[k] for k in ("mean", "low", "high"))
    return f"{middle:.2f} ({low:.1f} to {high:.1f})"


def _table_names(comparison: Mapping[str, Any]) -> list[str]:
    pairs = ["pairs-f1-macro", "pairs-accuracy"] if comparison["pairs"] else []
    return ["scores", "scores-more", *pairs, "genres", "cost"]


def _forest(study: Study) -> Figure:
    """Draw scores with intervals, the best on top."""
    order = sorted(study.judged, key=study.score)
    figure = new_figure(1.2 + 0.32 * len(order), 8)
    for axes, score in zip(figure.subplots(1, len(_SHOWN), sharey=True), _SHOWN, strict=True):
        for place, contender in enumerate(order):
            value = study.comparison["candidates"][contender.name]["scores"][score]
            color = look(contender.number)["color"]
            axes.plot([100 * value["low"], 100 * value["high"]], [place, place], color=color, linewidth=2.5)
            axes.plot(100 * value["mean"], place, "o", color=color, markersize=7)
            runs = 100 * np.array(value["runs"])
            axes.plot(runs, np.full(len(runs), place), "o", color=INK, markersize=2.2)
        axes.set_yticks(range(len(order)), [label(c.name) for c in order])
        axes.set_xlabel(TITLES[score])
        axes.grid(axis="x")
        axes.margins(y=0.6 / len(order))
    return figure


def _differences(study: Study) -> Figure:
    best = study.best
    pairs = [p for p in study.comparison["pairs"] if best and best.name in (p["a"], p["b"])]
    rows = sorted((_towards(p, best.name if best else "") for p in pairs), key=lambda row: row[1])
    figure = new_figure(1.2 + 0.32 * len(rows))
    axes = figure.add_subplot()
    for place, (_, middle, low, high, sure) in enumerate(rows):
        axes.plot([low, high], [place, place], color=GOOD, linewidth=2.5)
        axes.plot(middle, place, "o", color=GOOD, markersize=8, fillstyle="full" if sure else "none")
    axes.axvline(0, color=SOFT, linewidth=1)
    axes.set_yticks(range(len(rows)), [label(name) for name, *_ in rows])
    axes.set_xlabel(f"points of F1-macro\ncompared with {label(best.name if best else '')}")
    axes.grid(axis="x")
    axes.margins(y=0.6 / len(rows))
    return figure


def _towards(pair: Mapping[str, Any], best: str) -> tuple[str, float, float, float, bool]:
    """Return (the other candidate, its difference from the best in points, both ends of it, whether it is sure)."""
    v = pair["scores"]["f1_macro"]
    middle, low, high = (100 * v[k] for k in ("difference", "low", "high"))
    if pair["a"] == best:
        return pair["b"], -middle, -high, -low, differs(pair)
    return pair["a"], middle, low, high, differs(pair)


def _pairwise(comparison: Mapping[str, Any], names: Sequence[str]) -> Figure:
    values, texts = np.zeros((len(names), len(names))), [[""] * len(names) for _ in names]
    for pair in (p for p in comparison["pairs"] if p["a"] in names and p["b"] in names):
        i, j = names.index(pair["a"]), names.index(pair["b"])
        found = pair["scores"]["f1_macro"]
        stars = "*" * sum(found["p_holm"] < limit for limit in (0.05, 0.01, 0.001))
        for row, column, sign in ((i, j, 1), (j, i, -1)):
            values[row, column] = sign * 100 * found["difference"]
            texts[row][column] = f"{values[row, column]:+.1f}{stars}"
    side = 1.9 + (0.75 if len(names) < 7 else 0.52) * len(names)
    figure = new_figure(side, max(4.0, side + 0.6))
    draw_matrix(figure.add_subplot(), values, max(1.0, np.abs(values).max()), texts, names, names)
    return figure


def draw_ranks(friedman: Mapping[str, Any]) -> Figure:
    """Draw the critical-difference diagram (Demšar, JMLR 7, 2006): mean ranks, what cannot be told apart joined."""
    ranked = sorted(friedman["ranks"].items(), key=lambda item: item[1])
    half = (len(ranked) + 1) // 2
    bars = _joined([rank for _, rank in ranked], friedman["critical_difference"])
    figure = new_figure(1.3 + 0.26 * half + 0.12 * len(bars), 9)
    axes = figure.add_subplot()
    top = 0.0
    for place, (low, high) in enumerate(bars):
        axes.plot([low - 0.03, high + 0.03], [-(0.5 + 0.4 * place)] * 2, color=INK, linewidth=3)
        top = 0.5 + 0.4 * place
    for place, (name, rank) in enumerate(ranked):
        left = place < half
        level = -(top + 1 + (place if left else len(ranked) - 1 - place))
        end = 0.7 if left else len(ranked) + 0.3
        axes.plot([rank, rank, end], [0, level, level], color=SOFT, linewidth=1)
        axes.text(end, level, f"{label(name)} ({rank:.2f}) "[: None if left else -1], va="center",
                  ha="right" if left else "left")  # fmt: skip
    axes.plot([1, 1 + friedman["critical_difference"]], [1.5, 1.5], color=INK, linewidth=2)
    axes.text(1, 1.8, f"critical difference {friedman['critical_difference']:.2f}, p {p_text(friedman['p'])}")
    axes.set_xlim(1, len(ranked))
    axes.set_ylim(-(top + half + 0.6), 2.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.spines["top"].set(visible=True, position=("data", 0))
    axes.xaxis.set_ticks_position("top")
    axes.set_xticks(range(1, len(ranked) + 1))
    axes.set_yticks([])
    return figure


def _joined(ranks: Sequence[float], apart: float) -> list[tuple[float, float]]:
    """Return (lowest, highest) of the largest groups of sorted ranks no further apart than so much."""
    groups = [(low, max(r for r in ranks if r <= low + apart)) for low in ranks]
    return [g for i, g in enumerate(groups) if g[1] > g[0] and not (i and groups[i - 1][1] >= g[1])]
