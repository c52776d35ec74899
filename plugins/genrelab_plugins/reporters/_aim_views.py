"""Ready-made views of Aim: the state of an explorer, for a bookmark or a link.

Aim documents none of this; it is what its pages of release 3.29 read and write. A wrong key is ignored there, so a
test in a browser looks at every view.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

CANDIDATE, STUDY = "run.params.study.candidate", "run.props.experiment.name"
SCORE, LOSS = "summary.validation.f1_macro", "summary.validation.loss"
RATE = "hparams.train.log10_learning_rate"
TRIALS = 'run.study.stage == "search" and run.study.status == "COMPLETED"'
# Aim's numbers: a band from the least to the most, a line at the mean.
BANDS = {"methods": {"area": 1, "line": 0}, "isApplied": True, "isEnabled": True}
_UNRESERVED = "!#$&'()*+,-./:;=?@_~"  # what JavaScript's encodeURI leaves as it is, besides letters and digits
_COLOR = "#3E72E7"


@attrs.frozen
class View:
    """A page of Aim, set up."""

    title: str
    page: str
    """metrics, params, scatters, images or figures; all but figures can be bookmarked."""
    state: Mapping[str, Any]

    @property
    def path(self) -> str:
        """What follows the address of the server."""
        return f"/{self.page}?" + "&".join(f"{key}={_encoded(value)}" for key, value in self.state.items())


def views(searched: Sequence[str], study: str = "") -> list[View]:
    """Return the views of a review.

    Args:
        searched: parameters that become axes; where one run lacks one, Aim shows its values as text.
        study: its name; empty for all in the repository.
    """
    only = f"run.experiment == {json.dumps(study)} and " if study else ""
    final, trials = f'{only}run.study.stage == "final"', only + TRIALS
    validation = {"subset": "validation"}
    axes = [*(searched or [RATE]), LOSS, SCORE]
    score = 'metric.name in ["best_f1_macro", "trial_f1_macro"]'
    return [
        View(
            "Validation curves by candidate",
            "metrics",
            {
                "select": _select([_series("f1_macro", validation), _series("loss", validation)], final),
                "grouping": _grouping(color=[CANDIDATE], chart=["name", STUDY]),
                "chart": {"aggregationConfig": BANDS},
            },
        ),
        View(
            "Search in parallel coordinates",
            "params",
            {
                "select": _select([_parameter("study.candidate"), *map(_parameter, axes)], trials),
                "grouping": _grouping(color=[CANDIDATE], chart=[STUDY]),
            },
        ),
        View(
            "Learning rate against F1-macro",
            "scatters",
            {
                "select": _select([_parameter(SCORE), _parameter(RATE)], trials),
                "grouping": _grouping(color=[CANDIDATE], chart=[STUDY]),
            },
        ),
        View(
            "Confusion matrices by candidate",
            "images",
            {
                "select": _select([_series("confusion_fractions", {"subset": "test"})], final),
                "grouping": {"row": [STUDY, CANDIDATE], "reverseMode": {"row": False}, "isApplied": {"row": True}},
                "images": {"additionalProperties": {"alignmentType": "Height", "mediaItemSize": 60}},
                "table": {"resizeMode": "hide"},
            },
        ),
        View(
            "Search progress",
            "metrics",
            {
                "select": _select([], "", f"{only}{score}"),
                "grouping": _grouping(color=["context.candidate"], chart=["name", STUDY]),
            },
        ),
    ]  # fmt: skip


def figure_view(title: str, study: str, name: str) -> View:
    """Return the view of a study's figures of one name, those of several candidates side by side."""
    query = f'run.experiment == {json.dumps(study)} and figures.name == "{name}"'
    form = {"simpleInput": query, "advancedInput": "", "selections": [], "advancedModeOn": False}
    columns = {"fields": ["figures.context.candidate"], "orders": ["asc"]}
    return View(
        title,
        "figures",
        {
            "query": {"form": form, "ranges": {"isApplyButtonDisabled": True, "isValid": True}},
            "groupings": {"columns": columns, "rows": {"fields": ["run.name"], "orders": ["asc"]}},
        },
    )


def _encoded(value: Any) -> str:
    text = urllib.parse.quote(json.dumps(value, separators=(",", ":"), ensure_ascii=False), safe=_UNRESERVED)
    return "O-" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _series(name: str, context: Mapping[str, str]) -> dict[str, Any]:
    """Return the option of a metric, or of images."""
    shown = " " + ", ".join(f"{k}={json.dumps(v)}" for k, v in context.items())
    key = _encoded({"metricName": name, "contextName": shown})
    value = {"option_name": name, "context": context}
    return {"label": name + shown, "group": name, "type": "metrics", "color": _COLOR, "key": key, "value": value}


def _parameter(path: str) -> dict[str, Any]:
    return {"label": path, "key": path, "group": "Params", "type": "params", "color": _COLOR}


def _select(options: Sequence[Mapping[str, Any]], query: str, advanced: str = "") -> dict[str, Any]:
    return {
        "options": list(options),
        "query": query,
        "advancedMode": bool(advanced),
        "advancedQuery": advanced,
    }


def _grouping(*, color: Sequence[str], chart: Sequence[str]) -> dict[str, Any]:
    parts = ("color", "stroke", "chart")
    return {
        "color": list(color),
        "stroke": [],
        "chart": list(chart),
        "reverseMode": dict.fromkeys(parts, False),
        "isApplied": dict.fromkeys(parts, True),
        "persistence": {"color": False, "stroke": False},
        "seed": {"color": 10, "stroke": 10},
        "paletteIndex": 0,
    }
