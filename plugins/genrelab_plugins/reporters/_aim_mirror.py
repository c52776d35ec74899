"""What the Aim reporter does with each event; may raise, and belongs on one thread."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import tomli_w

from genrelab import Compared, EpochEnd, Exploration, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab_plugins.reporters._aim_exploration import write_exploration
from genrelab_plugins.reporters._aim_repo import (
    Image,
    Run,
    Text,
    close_run,
    label,
    open_repo,
    open_run,
    study_id,
    track,
)
from genrelab_plugins.reporters._aim_review import write_review
from genrelab_plugins.reporters._aim_studies import remember
from genrelab_plugins.reporters._aim_values import by_name, finite, nested, plain, text_table, with_log10
from genrelab_plugins.reporters._confusion_image import confusion_image

PROGRESS = {"f1_macro": max, "loss": min}
"""Validation metrics followed over the trials of a candidate, and which of two values is better."""


class Mirror:
    """The Aim runs of one study: one for each training and one, tagged ``study``, for the whole.

    What is written is the same however often the events of a study are told.
    """

    def __init__(self, folder: Path) -> None:
        self._repo = open_repo(folder)
        self._runs: dict[str, Run] = {}
        self._study: Any = None  # the run of the study, once that has begun

    @functools.singledispatchmethod
    def take(self, event: object) -> None:
        """Write one event of the study, the start first.

        Raises:
            TypeError: no such event.
        """
        raise TypeError(f"unknown event {type(event).__name__}")

    @take.register
    def _(self, event: StudyStart) -> None:
        self._start, self._now = event, event.time
        self._id = study_id(event.directory)
        self._environment = plain(event.environment)
        self._study = self._open(event.study, "study")
        self._study["study"] = {"name": event.study, "status": "RUNNING", "directory": str(event.directory)}
        self._text("experiment", tomli_w.dumps(plain(event.experiment)))
        if event.notes:
            self._text("notes", "\n".join(event.notes))
        remember(Path(self._repo.path), self._id, event)

    @take.register
    def _(self, event: TrialStart) -> None:
        trial, self._now = event.trial, event.time
        run = self._run(trial)
        run["study"] = self._about(trial, "RUNNING")
        recipe = plain(event.recipe)
        run["hparams"] = {part: with_log10(by_name(table)) for part, table in recipe.items()}
        if event.parameters:
            run["search"] = {part: with_log10(table) for part, table in nested(plain(event.parameters)).items()}

    @take.register
    def _(self, event: EpochEnd) -> None:
        run, self._now = self._run(event.trial), event.time
        scalars = {subset: dict(values) for subset, values in event.metrics.items()}
        scalars.setdefault("train", {}).update(learning_rate=event.learning_rate, epoch_seconds=event.seconds)
        for subset, values in scalars.items():
            track(run, finite(values), event.time, event.epoch, {"subset": subset})

    @take.register
    def _(self, event: TrialEnd) -> None:
        run, self._now = self._run(event.trial), event.time
        run["study"] = self._about(event.trial, event.status.upper(), event.message)
        run["summary"] = {subset: finite(values) for subset, values in event.metrics.items()} | finite(
            {
                "epochs": event.epochs,
                "best_epoch": event.best_epoch,
                "parameters": event.parameters,
                "seconds": event.seconds,
                "objective": event.objective,
            }
        )
        self._confusion(run, event)
        close_run(run, event.time)
        del self._runs[event.trial.name]
        if event.trial.stage == "search" and event.status == "completed":
            self._progress(event)

    @take.register
    def _(self, event: StudyEnd) -> None:
        self._now = event.time
        self._study["study", "status"] = event.status.upper()
        if event.rows:
            rows = [plain(row) for row in event.rows]
            self._study["results"] = {str(row.get("candidate", i)): row for i, row in enumerate(rows)}
            self._text("results", text_table(rows))

    @take.register
    def _(self, event: Compared) -> None:
        write_review(self._repo, event)

    @take.register
    def _(self, event: Exploration) -> None:
        write_exploration(self._repo, event)

    def close(self) -> None:
        """Close every run; trainings that have not ended are marked interrupted."""
        for run in self._runs.values():
            run["study", "status"] = "INTERRUPTED"
            close_run(run, self._now)
        if self._study:
            close_run(self._study, self._now)

    def _run(self, trial: TrialRef) -> Run:
        """Return the open run of a training; one that is tried again is still open."""
        if trial.name not in self._runs:
            self._runs[trial.name] = self._open(trial.name, trial.stage, trial.candidate)
        return self._runs[trial.name]

    def _open(self, name: str, *tags: str) -> Run:
        """Open the run of that name; a study that goes on goes on in the same runs."""
        run = open_run(self._repo, f"{self._id}/{name}", self._now)
        label(run, name, self._start.study, *tags)
        run["env"] = self._environment
        return run

    def _about(self, trial: TrialRef, status: str, message: str = "") -> dict[str, Any]:
        about = {
            "name": trial.study,
            "candidate": trial.candidate,
            "stage": trial.stage,
            "number": trial.number,
            "status": status,
        }
        return about | ({"message": message} if message else {})

    def _confusion(self, run: Run, event: TrialEnd) -> None:
        subset = "test" if "test" in event.confusion else "validation"
        if subset not in event.confusion:
            return
        for scale in ("counts", "fractions"):
            picture = confusion_image(
                event.confusion[subset],
                self._start.classes,
                title=f"{event.trial.name}, {subset}, epoch {event.best_epoch}",
                fractions=scale == "fractions",
            )
            image = Image(picture, caption=f"{event.trial.name} ({subset})", format="png")
            track(run, image, event.time, 0, {"subset": subset}, f"confusion_{scale}")

    def _progress(self, event: TrialEnd) -> None:
        """Track each trial's values and the best so far over the trial's number, whatever order they end in."""
        values = finite(event.metrics.get("validation", {}))
        context = {"candidate": event.trial.candidate}
        for name, better in PROGRESS.items():
            if name not in values:
                continue
            step = event.trial.number
            track(self._study, {f"trial_{name}": values[name]}, event.time, step, context)
            trials = {m.name: m for m in self._study.metrics() if m.context.to_dict() == context}
            steps, (reached, *_, times) = trials[f"trial_{name}"].data.numpy()
            best = float(reached[0])
            for step, value, time in zip(steps.tolist(), reached.tolist(), times.tolist(), strict=True):
                best = better(best, value)
                track(self._study, {f"best_{name}": best}, time, step, context)

    def _text(self, name: str, text: str) -> None:
        track(self._study, Text(text), self._now, 0, {}, name)
