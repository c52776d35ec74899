"""The figures of a review as plotly's plain dictionaries.

Of lists, not arrays: Aim draws what plotly makes of arrays as empty axes. Plotly reads some HTML in every text, so
names and titles are escaped.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

Spec = dict[str, Any]

SCORES = {"accuracy": "accuracy", "f1_weighted": "F1-weighted", "f1_macro": "F1-macro"}
DECIDES = "f1_macro"


def results(comparison: Mapping[str, Any]) -> Spec:
    """Return the scores of the candidates with their 95 % intervals, in percent."""
    traces = []
    for name, candidate in comparison["candidates"].items():
        rows = [[*SCORES.values()], [name] * len(SCORES)]
        values = [candidate["scores"][score] for score in SCORES]
        traces.append(_intervals(rows, values, "mean") | {"name": name})
    return _figure(traces, "Test scores in % (95 % interval)", showlegend=False)


def differences(comparison: Mapping[str, Any]) -> Spec:
    """Return the difference of every pair in F1-macro with its 95 % interval, in points of percent."""
    traces = []
    pairs = {f"{p['a']} - {p['b']}": p["scores"][DECIDES] for p in comparison["pairs"]}
    for named, told_apart in (("told apart", True), ("cannot be told apart", False)):
        own = {name: s for name, s in pairs.items() if (s["p_holm"] < comparison["alpha"]) == told_apart}
        traces.append(_intervals(list(own), list(own.values()), "difference") | {"name": named})
    zero = {"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": {"dash": "dot"}}
    return _figure(traces, "Differences in F1-macro, points (95 % interval)", shapes=[zero])


def confusion(candidate: str, counts: Sequence[Sequence[int]], genres: Sequence[str]) -> Spec:
    """Return a confusion matrix, true genres down, as shares of each row; the counts stand in the cells."""
    names = [html.escape(g) for g in genres]
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]
    cells = {"x": names, "y": names, "z": shares, "zmin": 0, "zmax": 1, "colorscale": "Blues"}
    text = {"text": [[str(n) for n in row] for row in counts], "texttemplate": "%{text}"}
    axis = {"type": "category", "automargin": True}
    return _figure(
        [{"type": "heatmap", **cells, **text}],
        f"{candidate}: confusion on test, final runs together",
        xaxis={**axis, "title": {"text": "predicted"}},
        yaxis={**axis, "title": {"text": "true"}, "autorange": "reversed"},
    )


def embedding(candidate: str, points: Mapping[str, Sequence[Any]]) -> Spec:
    """Return a t-SNE map, a colour and a share in the legend for each genre.

    Args:
        candidate: whose.
        points: ``x``, ``y``, ``genre`` and ``title`` of each track.
    """
    rows = [*zip(points["x"], points["y"], points["genre"], points["title"], strict=True)]
    traces = []
    for genre in sorted({row[2] for row in rows}):
        own = [row for row in rows if row[2] == genre]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "marker": {"size": 8},
                "name": f"{html.escape(genre)} ({len(own) / len(rows):.1%})",
                "x": [row[0] for row in own],
                "y": [row[1] for row in own],
                "text": [html.escape(str(row[3])) for row in own],
                "hoverinfo": "text+name",
            }
        )
    bare = {"showticklabels": False, "zeroline": False}
    below = {"orientation": "h", "y": -0.05}  # long names beside the map would leave it no room
    return _figure(
        traces, f"{candidate}: t-SNE of the test tracks", xaxis=bare, yaxis=bare, legend=below, height=600
    )


def importance(analyses: Mapping[str, Mapping[str, Any]]) -> Spec | None:
    """Return how much each parameter explains of the trials, by candidate; None where no search could tell."""
    known = {name: a["importance"] for name, a in analyses.items() if a.get("importance")}
    traces = [
        {"type": "bar", "orientation": "h", "name": name, "y": list(shares), "x": list(shares.values())}
        for name, shares in known.items()
    ]
    axis = {"title": {"text": "share"}, "rangemode": "tozero"}
    return _figure(traces, "Importance of the hyperparameters", xaxis=axis, barmode="group") if traces else None


def slices(candidate: str, analysis: Mapping[str, Any]) -> Spec | None:
    """Return what the model of a search expects along each parameter, the others at their best."""
    found = analysis.get("slices") or {}
    width = 1 / max(len(found), 1)
    traces, axes = [], {}
    for place, (name, curve) in enumerate(found.items()):
        number = str(place + 1) if place else ""
        band = {"type": "data", "array": [1.96 * s for s in curve["sem"]], "thickness": 1}
        points = {"x": list(curve["x"]), "y": list(curve["mean"]), "error_y": band}
        anchors = {"xaxis": f"x{number}", "yaxis": "y"}
        traces.append({"type": "scatter", "mode": "lines+markers", "name": name, **points, **anchors})
        domain = [place * width + 0.03 * width, (place + 1) * width - 0.03 * width]
        kind = {"type": "log"} if name.endswith("learning_rate") else {}
        axes[f"xaxis{number}"] = {"domain": domain, "title": {"text": name}, "anchor": "y", **kind}
    score = {"title": {"text": analysis["metric"]}}
    title = f"{candidate}: expected along each parameter (95 % interval)"
    return _figure(traces, title, yaxis=score, showlegend=False, **axes) if traces else None


def parallel(candidate: str, analysis: Mapping[str, Any]) -> Spec | None:
    """Return the completed trials of a search as parallel coordinates, coloured by what was searched for."""
    metric = analysis["metric"]
    trials = [t for t in analysis["trials"] if t["status"] == "completed" and t["values"].get(metric) is not None]
    if not trials:
        return None
    names = [n for n in trials[0]["settings"] if all(n in t["settings"] for t in trials)]
    axes = [_axis(name, [t["settings"][name] for t in trials]) for name in names]
    reached = [t["values"][metric] for t in trials]
    line = {"color": reached, "colorscale": "Viridis", "reversescale": not analysis["maximize"], "showscale": True}
    coordinates = {"type": "parcoords", "line": line, "dimensions": [*axes, _axis(metric, reached)]}
    return _figure(
        [coordinates], f"{candidate}: trials of the search", margin={"l": 90, "r": 30, "t": 130, "b": 40}
    )


def _axis(name: str, values: Sequence[Any]) -> Spec:
    """Return an axis of parallel coordinates: the logarithm of a learning rate, choices of texts by their place."""
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        if name.endswith("learning_rate"):
            return {"label": f"log10 {name}", "values": [math.log10(v) for v in values]}
        return {"label": name, "values": list(values)}
    choices = sorted({str(v) for v in values})
    places = {"values": [choices.index(str(v)) for v in values], "tickvals": list(range(len(choices)))}
    return {"label": name, **places, "ticktext": [html.escape(c) for c in choices]}


def _intervals(rows: Sequence[Any], values: Sequence[Mapping[str, float]], middle: str) -> Spec:
    above = [100 * (v["high"] - v[middle]) for v in values]
    below = [100 * (v[middle] - v["low"]) for v in values]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [100 * v[middle] for v in values],
        "y": list(rows),
        "error_x": {"type": "data", "symmetric": False, "array": above, "arrayminus": below},
    }


def _figure(traces: Sequence[Spec], title: str, **layout: Any) -> Spec:
    size = {"width": 640, "height": 480, "font": {"size": 15}, "margin": {"l": 60, "r": 30, "t": 70, "b": 60}}
    head = {"title": {"text": title, "font": {"size": 17}}, "yaxis": {"automargin": True}}
    return {"data": list(traces), "layout": {**size, **head, **layout}}
