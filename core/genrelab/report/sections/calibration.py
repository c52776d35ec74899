"""Whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from genrelab.compare.calibration import BINS
from genrelab.report.drawing import GOOD, SOFT, label, new_figure
from genrelab.report.page import Block, Page, Text
from genrelab.report.study import Study

_ACROSS = 3


def calibration(study: Study, page: Page) -> list[Block]:
    """Draw the reliability diagram of each candidate."""
    if not study.comparison:
        return [Text("No final run is completed yet.")]
    caption = (
        "Share of right predictions (dots) among those of about one confidence, runs together; larger dots are "
        "more tracks. Below the diagonal a network is too sure of itself. ECE: expected calibration error, in "
        "brackets with the temperature fitted on validation." + study.selected
    )
    candidates = {c.name: study.comparison["candidates"][c.name] for c in study.judged if c.leads}
    return [page.picture("calibration", _draw(candidates), caption)]


def _draw(candidates: Mapping[str, Any]) -> Figure:
    across = min(_ACROSS, len(candidates))
    rows = -(-len(candidates) // across)
    figure = new_figure(0.6 + 2.5 * rows, max(3.2, 2.5 * across))
    places = figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False).flat
    for (name, found), axes in zip(candidates.items(), places, strict=False):
        calibrated = found["calibration"]
        diagrams = calibrated["reliability"]
        tracks = np.array([d["tracks"] for d in diagrams])  # (runs, bins)
        total = tracks.sum(axis=0)
        confidence, accuracy = (
            (tracks * np.array([d[k] for d in diagrams])).sum(axis=0) / np.maximum(total, 1)
            for k in ("confidence", "accuracy")
        )
        some = total > 0
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1)
        axes.plot(confidence[some], accuracy[some], color=GOOD, linewidth=1)
        size = 6 + 240 * total[some] / total.sum()
        axes.scatter(confidence[some], accuracy[some], size, color=GOOD, clip_on=False, zorder=3)
        after = calibrated.get("error_with_temperature")
        tempered = "" if after is None else f" ({100 * after:.1f} %)"
        axes.set_title(f"{label(name)}\nECE {100 * calibrated['error']:.1f} %{tempered}")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
    for axes in [*places]:
        axes.set_axis_off()
    figure.supxlabel(f"confidence ({BINS} bins)", fontsize=10.5)
    figure.supylabel("share right", fontsize=10.5)
    return figure
