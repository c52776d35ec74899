"""The tables of a comparison: in the terminal, as Markdown (rounded) and as CSV (unrounded)."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from genrelab.compare.costs import COSTS, cost_text
from genrelab.compare.paired import TESTED
from genrelab.compare.words import best_of, p_text
from genrelab.csv_files import write_csv
from genrelab.files import write_json, write_text

MANY = 12
"""Candidates at the most that are shown side by side, and each pair of them."""
TITLES = {
    "accuracy": "accuracy %",
    "f1_macro": "F1-macro %",
    "f1_weighted": "F1-weighted %",
    "balanced_accuracy": "balanced accuracy %",
    "top3_accuracy": "top-3 accuracy %",
    "roc_auc": "ROC-AUC %",
    "average_precision": "average precision %",
    "log_loss": "log loss",
}


@attrs.frozen
class Table:
    """A table as people read it; the first column is text, the others are numbers."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table as Markdown, with what could end a cell escaped."""
        lines = [self.header, ["---", *["---:"] * (len(self.header) - 1)], *self.rows]
        escaped = ["| " + " | ".join(map(markdown_text, line)) + " |" for line in lines]
        return "\n".join([f"## {markdown_text(self.title)}", "", *escaped, ""])


def markdown_text(text: str) -> str:
    """Escape a text so that it stays text, in one line of Markdown or in a cell of a table."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([|\[\]`])", r"\\\1", plain)


def tables(comparison: Mapping[str, Any]) -> list[Table]:
    """Return all tables of a comparison: scores, pairs, genres, calibration and cost."""
    names, half = list(TITLES), len(TITLES) // 2  # eight columns of intervals are too wide for a terminal
    scores = [_scores(comparison, part) for part in (names[:half], names[half:])]
    pairs = [_pairs(comparison, score) for score in TESTED if comparison["pairs"]]
    return [*scores, *pairs, _genres(comparison), _costs(comparison)]


def candidates_go_down(candidates: int, genres: int) -> bool:
    """Tell whether so many candidates are the rows, and genres the columns; usually it is the other way round."""
    return candidates > max(MANY, genres)


def few_pairs(comparison: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out the pairs without the best candidate, and say so, where there are too many to read all."""
    if len(comparison["candidates"]) <= MANY:
        return comparison
    best = best_of(comparison["candidates"])
    pairs = [p for p in comparison["pairs"] if best in (p["a"], p["b"])]
    note = f"of {len(comparison['pairs'])} pairs, those of {best} are shown; comparison.md has all"
    return {**comparison, "pairs": pairs, "notes": [*comparison["notes"], note]}


def lines(comparison: Mapping[str, Any]) -> list[str]:
    """Return what is said beside the tables, the verdict last."""
    said = [f"note: {note}" for note in comparison["notes"]]
    said += [f"{pair['sentence']}." for pair in comparison["pairs"]]
    if found := comparison["detectable"]:
        said.append(
            f"A difference below {100 * found['f1_macro']:.1f} points F1-macro "
            f"({100 * found['accuracy']:.1f} points accuracy) is likely to be missed: that much a single test "
            f"here finds with {100 * comparison['power']:.0f} % power at best."
        )
    if ranks := comparison["friedman"]:
        order = ", ".join(f"{n} {r:.2f}" for n, r in sorted(ranks["ranks"].items(), key=lambda item: item[1]))
        blocks = f"{ranks['blocks']} {'splits' if 'splits' in comparison else 'seeds'}"
        said.append(
            f"Friedman over {blocks}: p {p_text(ranks['p'])}; mean ranks {order}; "
            f"critical difference {ranks['critical_difference']:.2f}."
        )
    return [*said, comparison["verdict"]]


def write(folder: Path, comparison: Mapping[str, Any]) -> None:
    """Write comparison.json, comparison.md and the tables as CSV files to a folder."""
    body = "\n\n".join(lines(comparison)[::-1])
    parts = [f"# Comparison\n\n{body}\n", *[table.markdown() for table in tables(comparison)]]
    write_text(folder / "comparison.md", "\n".join(parts))
    candidates = comparison["candidates"].items()
    ends = ("mean", "low", "high")
    write_csv(
        folder / "comparison_scores.csv",
        ("candidate", "score", *ends),
        [[n, score, *[v[e] for e in ends]] for n, c in candidates for score, v in c["scores"].items()],
    )
    write_csv(
        folder / "comparison_genres.csv",
        ("candidate", "genre", "score", *ends),
        [
            [n, genre, score, *[v[e] for e in ends]]
            for n, c in candidates
            for genre, scores in c["genres"].items()
            for score, v in scores.items()
        ],
    )
    columns = ("difference", "low", "high", "p", "p_holm", "detectable")
    write_csv(
        folder / "comparison_pairs.csv",
        ("a", "b", "score", *columns),
        [
            [p["a"], p["b"], n, *[v.get(k, "") for k in columns]]
            for p in comparison["pairs"]
            for n, v in p["scores"].items()
        ],
    )
    write_json(folder / "comparison.json", comparison)


def _scores(comparison: Mapping[str, Any], scores: Sequence[str]) -> Table:
    rows = [
        [name, *[_with_ends(c["scores"][score], 1 if score == "log_loss" else 100) for score in scores]]
        for name, c in comparison["candidates"].items()
    ]
    size = comparison["test_set"]
    artists = f" by {size['clusters']} artists" if size["clusters"] < size["tracks"] else ""
    over = f"{comparison['splits']} splits" if "splits" in comparison else "seeds"
    title = f"Scores on {size['tracks']} test tracks{artists}: mean over {over} (95 % interval)"
    return Table(title, ("candidate", *[TITLES[score] for score in scores]), rows)


def _pairs(comparison: Mapping[str, Any], score: str) -> Table:
    by_track = score == "accuracy" and "splits" not in comparison  # what McNemar's test is about
    rows = []
    for pair in comparison["pairs"]:
        v = pair["scores"][score]
        p = [v["p"], v["p_holm"], *([pair["mcnemar"]["p"]] if by_track else [])]
        difference = _with_ends({"mean": v["difference"], **v}, 100)
        detectable = f"{100 * v['detectable']:.1f}"
        rows.append(
            [f"{pair['a']} - {pair['b']}", difference, detectable, *[p_text(x).removeprefix("= ") for x in p]]
        )
    header = ("pair", "difference in points", "detectable", "p", "p (Holm)", *["p (McNemar)"][: int(by_track)])
    name = TITLES[score].removesuffix(" %")
    test = "corrected t-test over splits" if "splits" in comparison else "permutation test over artists"
    return Table(f"Differences in {name} (95 % interval), {test}", header, rows)


def _genres(comparison: Mapping[str, Any]) -> Table:
    """Return F1 by genre and candidate."""
    title, candidates = "F1 % by genre (95 % interval)", comparison["candidates"]
    support = comparison["test_set"]["genres"]
    f1 = {n: {g: _with_ends(c["genres"][g]["f1"], 100) for g in support} for n, c in candidates.items()}
    if candidates_go_down(len(candidates), len(support)):
        header = ("candidate", *[f"{genre} ({tracks})" for genre, tracks in support.items()])
        return Table(title, header, [[name, *found.values()] for name, found in f1.items()])
    rows = [[genre, str(tracks), *[f1[n][genre] for n in candidates]] for genre, tracks in support.items()]
    return Table(title, ("genre", "tracks", *candidates), rows)


def _costs(comparison: Mapping[str, Any]) -> Table:
    costs = [cost for cost in COSTS if cost in comparison["pareto"]]
    rows = []
    for name, c in comparison["candidates"].items():
        calibration, tempered = c["calibration"], c["calibration"].get("error_with_temperature")
        marks = ["*" if name in comparison["pareto"][cost] else "" for cost in costs]
        errors = [f"{100 * calibration['error']:.1f}", "-" if tempered is None else f"{100 * tempered:.1f}"]
        spent = [cost_text(cost, c[cost]) for cost in costs]
        rows.append([name, *[text + mark for text, mark in zip(spent, marks, strict=True)], *errors])
    header = ("candidate", *[COSTS[cost] for cost in costs], "calibration error %", "with temperature %")
    return Table("Cost and calibration (* none is both cheaper and better in F1-macro)", header, rows)


def _with_ends(value: Mapping[str, float], scale: float) -> str:
    digits = 3 if scale == 1 else 1
    middle, low, high = (f"{scale * value[k]:.{digits}f}" for k in ("mean", "low", "high"))
    return f"{middle} ({low} to {high})"
