"""The review of a study in Aim: a note with the verdict and links, and the figures, in a run of their own."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from plotly.graph_objects import Figure as Drawing

from genrelab import Compared
from genrelab_plugins.reporters import _aim_figures as figures
from genrelab_plugins.reporters._aim_repo import Figure, Repo, close_run, key_of, label, open_run, study_id, track
from genrelab_plugins.reporters._aim_studies import searched
from genrelab_plugins.reporters._aim_values import escaped
from genrelab_plugins.reporters._aim_views import figure_view, views

TITLES = {
    "results": "Results with intervals",
    "differences": "Differences between candidates",
    "confusion": "Confusion matrices",
    "tsne": "t-SNE of the test tracks",
    "importance": "Importance of the hyperparameters",
    "slices": "Slices through the search",
    "parallel": "Parallel coordinates of the search",
}
"""Figures by name, in the order of the note."""
Found = tuple[str, str, figures.Spec]
"""Name of a figure, candidate or nothing, and what is drawn."""


def write_review(repo: Repo, event: Compared) -> None:
    """Write the figures that the run directory has data for, then the note that links to them."""
    name = f"{study_id(event.directory)}/review"
    run = open_run(repo, name, event.time)
    label(run, "review", event.study, "review")
    run["study"] = {"name": event.study, "stage": "review"}
    drawn = set()
    for figure, candidate, spec in _drawn(event):
        context = {"candidate": candidate} if candidate else {}
        track(run, Figure(Drawing(spec)), event.time, 0, context, figure)
        drawn.add(figure)
    close_run(run, event.time)
    _keep_note(repo, event.study, _heading(event.study), _note(event, drawn))


def _drawn(event: Compared) -> Iterator[Found]:
    """Yield every figure there is data for."""
    comparison, root = event.comparison, event.directory
    yield "results", "", figures.results(comparison)
    if comparison["pairs"]:
        yield "differences", "", figures.differences(comparison)
    analyses = {name: _json(root / "candidates" / name / "analysis.json") for name in comparison["candidates"]}
    known = {name: analysis for name, analysis in analyses.items() if analysis}
    found = {
        ("importance", ""): figures.importance(known),
        **{("slices", name): figures.slices(name, analysis) for name, analysis in known.items()},
        **{("parallel", name): figures.parallel(name, analysis) for name, analysis in known.items()},
    }
    yield from ((name, candidate, spec) for (name, candidate), spec in found.items() if spec)
    for name in comparison["candidates"]:
        if counts := _confusion(root / "candidates" / name / "final"):
            yield "confusion", name, figures.confusion(name, counts, list(comparison["test_set"]["genres"]))
    for name, points in _json(root / "report" / "data" / "tsne.json").items():
        yield "tsne", name, figures.embedding(name, points)


def _confusion(finals: Path) -> list[list[int]]:
    """Return the confusion matrix on test of all final runs together; [] where there is none."""
    results = [_json(file) for file in sorted(finals.glob("*/result.json"))]
    matrices = [r["confusion"]["test"] for r in results if "test" in r.get("confusion", {})]
    return [[sum(cells) for cells in zip(*rows, strict=True)] for rows in zip(*matrices, strict=True)]


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _heading(study: str) -> str:
    return f"# Review of {escaped(study)}"


def _note(event: Compared, drawn: Collection[str]) -> str:
    """Return the note: headings, bold, lists and links only, since a table or an image breaks Aim's page."""
    comparison, directory = event.comparison, event.directory
    experiment = (directory / "experiment.toml").read_text(encoding="utf-8")
    pages = [*views(searched(tomllib.loads(experiment)), event.study)]
    pages += [figure_view(title, event.study, name) for name, title in TITLES.items() if name in drawn]
    study = f"/runs/{key_of(f'{study_id(directory)}/{event.study}')}"
    links = [f"- [{escaped(page.title)}]({page.path})" for page in pages]
    links.append(f"- [The study: results, notes on the data, experiment]({study}/texts)")
    sentences = [f"- {escaped(pair['sentence'])}" for pair in comparison["pairs"]]
    notes = [f"- {escaped(note)}" for note in comparison["notes"]]
    parts = {"Look at": links, "Pairs": sentences, "Mind": notes}
    lines = [_heading(event.study), "", f"**{escaped(comparison['verdict'])}**", ""]
    for title, items in parts.items():
        lines += [f"## {title}", "", *items, ""] if items else []
    return "\n".join(lines)


def _keep_note(repo: Repo, study: str, heading: str, text: str) -> None:
    """Write the note of an Aim experiment over the one that has this heading; other notes are the user's."""
    experiment = next(e for e in repo.structured_db.experiments() if e.name == study)
    old = next((note for note in experiment.notes if note["content"].startswith(f"{heading}\n")), None)
    if old is None:
        experiment.add_note(text)
    elif old["content"] != text:
        experiment.update_note(old["id"], text)
