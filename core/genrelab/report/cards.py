"""A model card for each candidate (Mitchell et al., Model Cards for Model Reporting, FAT* 2019), as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from genrelab.compare.tables import TITLES
from genrelab.files import write_text
from genrelab.report.page import render
from genrelab.report.sections.data import notes
from genrelab.report.sections.origin import reproduce
from genrelab.report.study import Contender, Study
from genrelab.study.results import settings_text


def write_cards(study: Study, folder: Path) -> None:
    """Write NAME.md for each candidate that has a completed final run."""
    for contender in study.judged:
        run = contender.representative
        weights = str(run.folder.relative_to(study.root) / "best.safetensors") if run else ""
        write_text(folder / f"{contender.name}.md", card(study, contender, weights, run.number if run else 0))


def card(study: Study, contender: Contender, weights: str, seed: int) -> str:
    """Return the card of a candidate that is judged.

    Args:
        study: that judged it.
        contender: the candidate.
        weights: where its weights are, for people.
        seed: of the final run that they are from.
    """
    return render("card.md", **_content(study, contender), weights=weights, seed=seed)


def _content(study: Study, contender: Contender) -> dict[str, Any]:
    found = study.comparison["candidates"][contender.name]
    tracks = study.tracks.tracks if study.tracks else ()
    epochs = [t.result["epochs"] for t in contender.completed if t.result]
    return {
        "study": study.name,
        "name": contender.name,
        "recipe": contender.recipe,
        "audio": study.experiment["audio"],
        "dataset": study.experiment["dataset"]["name"],
        "licence": study.experiment["dataset"].get("licence", ""),
        "split": study.experiment["split"]["by"],
        "counts": {s: sum(t.split == s for t in tracks) for s in ("train", "validation", "test")},
        "chosen": settings_text(contender.chosen),
        "trials": len(contender.trials),
        "epochs": mean(epochs),
        "scores": {TITLES[k]: _ends(v, 1 if k == "log_loss" else 100) for k, v in found["scores"].items()},
        "genres": {
            g: [_ends(v[k], 100) for k in ("precision", "recall", "f1")] for g, v in found["genres"].items()
        },
        "support": study.comparison["test_set"]["genres"],
        "found": found,
        "sentences": [p["sentence"] for p in study.comparison["pairs"] if contender.name in (p["a"], p["b"])],
        "notes": [*notes(study), *study.comparison["notes"]],
        "environment": study.environment,
        "reproduce": reproduce(study),
    }


def _ends(value: Mapping[str, float], scale: float) -> str:
    digits = 3 if scale == 1 else 1
    middle, low, high = (f"{scale * value[k]:.{digits}f}" for k in ("mean", "low", "high"))
    return f"{middle} ({low} to {high})"
