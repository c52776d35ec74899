"""The result table: one row a candidate, in the terminal, as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import attrs

from genrelab.csv_files import write_csv
from genrelab.files import write_text
from genrelab.params import Scalar

SCORES = {"accuracy": "accuracy %", "f1_weighted": "F1-weighted %", "f1_macro": "F1-macro %"}


@attrs.frozen
class Row:
    """What came out for one candidate."""

    candidate: str
    settings: Mapping[str, Scalar]
    """What the search chose; empty where nothing was searched."""
    runs: Sequence[Mapping[str, Any]]
    """Results of the final runs that were completed, one a seed."""
    message: str = ""
    """Why there is no result, where there is none."""
    trials: Mapping[str, int] = attrs.field(factory=dict)
    """How many trials of the search ended how: completed, stopped, failed."""

    def values(self, score: str) -> list[float]:
        """Return a test score of each final run, in percent."""
        return [100 * run["metrics"]["test"][score] for run in self.runs]

    def as_mapping(self) -> dict[str, Any]:
        """Return the row as plain values, with every number unrounded: what results.csv holds."""
        row: dict[str, Any] = {"candidate": self.candidate, "seeds": len(self.runs)}
        for score in ("accuracy", "f1_weighted", "f1_macro", "accuracy_one_vs_rest", "loss"):
            values = [run["metrics"]["test"][score] for run in self.runs]
            row[score] = mean(values) if values else None
            row[f"{score}_sd"] = stdev(values) if len(values) > 1 else None
        row["parameters"] = self.runs[0]["parameters"] if self.runs else None
        row["epoch_seconds"] = mean(run["epoch_seconds"] for run in self.runs) if self.runs else None
        row |= {status: self.trials.get(status, 0) for status in ("completed", "stopped", "failed")}
        row["settings"] = settings_text(self.settings)
        row["message"] = self.message
        return row

    def cells(self) -> list[str]:
        """Return the row as people read it."""
        if not self.runs:
            return [self.candidate, *["-"] * 5, self._trials(), self.message]
        scores = [_spread(self.values(score)) for score in SCORES]
        plain = self.as_mapping()
        numbers = [f"{plain['parameters']:,}", f"{plain['epoch_seconds']:.2f}"]
        chosen = settings_text(self.settings) or "as in the file"
        return [self.candidate, *scores, *numbers, self._trials(), chosen]

    def _trials(self) -> str:
        """Return how many trials there were: ``10``, ``10 (1 failed, 3 stopped)``."""
        others = ", ".join(f"{n} {status}" for status, n in sorted(self.trials.items()) if status != "completed")
        return f"{sum(self.trials.values())}" + (f" ({others})" if others else "")


HEADER = ("candidate", *SCORES.values(), "parameters", "s/epoch", "trials", "chosen")


def settings_text(settings: Mapping[str, Scalar]) -> str:
    """Return settings in one line, rounded to what matters: ``dropout=0.3 learning_rate=0.001``."""
    names = [name.rpartition(".")[2] for name in settings]
    short = [n if names.count(n) == 1 else name for n, name in zip(names, settings, strict=True)]
    texts = [f"{v:.3g}" if isinstance(v, float) else str(v) for v in settings.values()]
    return " ".join(f"{n}={t}" for n, t in zip(short, texts, strict=True))


def write_results(root: Path, rows: Sequence[Row], notes: Sequence[str] = ()) -> None:
    """Write ``results.csv`` (unrounded) and ``results.md`` (as shown, with the notes) to a run directory."""
    plain = [row.as_mapping() for row in rows]
    write_csv(root / "results.csv", list(plain[0]), [["" if v is None else v for v in p.values()] for p in plain])
    lines = [HEADER, ["---", *["---:"] * 6, "---"], *[row.cells() for row in rows]]
    escaped = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    write_text(root / "results.md", "\n".join([*escaped, "", *[f"- {note}" for note in notes]]).rstrip() + "\n")


def _spread(values: Sequence[float]) -> str:
    """Return the mean with the standard deviation over seeds: ``71.40 ± 0.52``."""
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")
