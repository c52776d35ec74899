"""What the console shows while a study runs."""

from __future__ import annotations

import math
import time

import attrs
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from genrelab import EpochEnd, TrialEnd, TrialStart
from genrelab_plugins.reporters._console_text import clean, duration, scores

BAR = 24
"""Width of a bar in characters."""


@attrs.define
class Training:
    """A training that runs."""

    epochs: int
    epoch: int = 0
    scores: str = ""


@attrs.define
class View:
    """State of a study: changed by the thread that reports, drawn by rich on another."""

    total: int
    done: int
    """Trainings done before this process began."""
    ended: int = 0
    started: float = attrs.field(factory=time.monotonic)
    running: dict[str, Training] = attrs.field(factory=dict)
    best: dict[str, tuple[float, str]] = attrs.field(factory=dict)
    """Candidate -> validation F1-macro and the training that reached it."""

    def begin(self, event: TrialStart) -> None:
        """Add a training."""
        self.running[event.trial.name] = Training(event.epochs)

    def advance(self, event: EpochEnd) -> None:
        """Note an epoch."""
        training = self.running.get(event.trial.name)
        if training is None:
            return
        training.epoch = event.epoch
        training.scores = ", ".join(scores(event.metrics.get("validation", {})))

    def end(self, event: TrialEnd) -> None:
        """Remove a training, and remember it where it is its candidate's best of the search."""
        self.running.pop(event.trial.name, None)
        self.ended += event.status != "interrupted"
        reached = event.metrics.get("validation", {}).get("f1_macro", math.nan)
        known, _ = self.best.get(event.trial.candidate, (-math.inf, ""))
        if event.trial.stage == "search" and reached > known:
            self.best[event.trial.candidate] = (reached, event.trial.name)

    def pace(self, now: float) -> str:
        """Return rate and time left, judged by epochs: ``5.2 an hour, 40 min left``; empty at first."""
        parts = sum(training.epoch / training.epochs for training in tuple(self.running.values()))
        worked = self.ended + parts
        if not worked:
            return ""
        each = (now - self.started) / worked  # seconds a training, with as many side by side as there are
        left = self.total - self.done - worked
        return f"{3600 / max(each, 1e-3):.1f} an hour, {duration(left * each)} left"

    def __rich__(self) -> Group:
        """Draw the best of each candidate, the trainings that run, and the whole."""
        bests = [
            Text(clean(f"best of {candidate}: F1-macro {value:.3f} ({name})"), style="green")
            for candidate, (value, name) in tuple(self.best.items())
        ]
        bars = Table.grid(padding=(0, 1))
        for name, training in tuple(self.running.items()):
            _add_bar(bars, name, training.epoch, training.epochs, training.scores)
        _add_bar(bars, "trainings", self.done + self.ended, self.total, self.pace(time.monotonic()))
        return Group(*bests, bars)


def _add_bar(bars: Table, name: str, completed: int, total: int, note: str) -> None:
    bar = ProgressBar(total=total, completed=completed, width=BAR)
    bars.add_row(Text(clean(name)), bar, Text(f"{completed}/{total}", justify="right"), Text(note))
