"""What the Aim reporter does with each event; runs on its one thread, and may raise."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import tomli_w

from genrelab import EpochEnd, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab_plugins.reporters._aim_repo import Image, Run, Text, open_repo, open_run, study_id
from genrelab_plugins.reporters._aim_values import by_name, finite, nested, plain, text_table
from genrelab_plugins.reporters._confusion_image import confusion_image

PROGRESS = {"f1_macro": max, "loss": min}
"""Validation metrics followed over the trials of a candidate, and which of two values is better."""


class Mirror:
    """The Aim runs of one study: one for each training and one, tagged ``study``, for the whole."""

    def __init__(self, folder: Path, start: StudyStart) -> None:
        self._repo = open_repo(folder)
        self._start = start
        self._id = study_id(start.directory)
        self._environment = plain(start.environment)
        self._runs: dict[str, Run] = {}
        self._study = self._open(start.study, "study")
        self._study["study"] = {"name": start.study, "status": "RUNNING", "directory": str(start.directory)}
        self._study.track(Text(tomli_w.dumps(plain(start.experiment))), name="experiment", step=0)
        if start.notes:
            self._study.track(Text("\n".join(start.notes)), name="notes", step=0)

    @functools.singledispatchmethod
    def take(self, event: object) -> None:
        """Write one event of the study.

        Raises:
            TypeError: no such event.
        """
        raise TypeError(f"unknown event {type(event).__name__}")

    @take.register
    def _(self, event: TrialStart) -> None:
        trial = event.trial
        run = self._run(trial)
        run["study"] = self._about(trial, "RUNNING")
        run["hparams"] = {part: by_name(table) for part, table in plain(event.recipe).items()}
        if event.parameters:
            run["search"] = nested(plain(event.parameters))

    @take.register
    def _(self, event: EpochEnd) -> None:
        run = self._run(event.trial)
        scalars = {subset: dict(values) for subset, values in event.metrics.items()}
        scalars.setdefault("train", {}).update(learning_rate=event.learning_rate, epoch_seconds=event.seconds)
        for subset, values in scalars.items():
            # The public track() takes the time of the call, which is wrong for a study that is read from its files.
            run._tracker._track(
                finite(values), event.time, None, event.epoch, event.epoch, context={"subset": subset}
            )

    @take.register
    def _(self, event: TrialEnd) -> None:
        run = self._run(event.trial)
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
        run.close()
        del self._runs[event.trial.name]
        if event.trial.stage == "search" and event.status == "completed":
            self._progress(event)

    @take.register
    def _(self, event: StudyEnd) -> None:
        self._study["study", "status"] = event.status.upper()
        if event.rows:
            rows = [plain(row) for row in event.rows]
            self._study["results"] = {str(row.get("candidate", i)): row for i, row in enumerate(rows)}
            self._study.track(Text(text_table(rows)), name="results", step=0)

    def close(self) -> None:
        """Close every run; trainings that have not ended are marked interrupted."""
        for run in self._runs.values():
            run["study", "status"] = "INTERRUPTED"
            run.close()
        self._study.close()

    def _run(self, trial: TrialRef) -> Run:
        """Return the open run of a training; one that is tried again is still open."""
        if trial.name not in self._runs:
            self._runs[trial.name] = self._open(trial.name, trial.stage, trial.candidate)
        return self._runs[trial.name]

    def _open(self, name: str, *tags: str) -> Run:
        """Open the run of that name; a study that goes on goes on in the same runs."""
        run = open_run(self._repo, f"{self._id}/{name}")
        run.name, run.experiment = name, self._start.study
        for tag in sorted(set(tags) - set(run.tags)):
            run.add_tag(tag)
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
            run.track(image, name=f"confusion_{scale}", step=0, context={"subset": subset})

    def _progress(self, event: TrialEnd) -> None:
        """Track each trial's values and the best so far over the trial's number, whatever order they end in."""
        values = finite(event.metrics.get("validation", {}))
        context = {"candidate": event.trial.candidate}
        for name, better in PROGRESS.items():
            if name not in values:
                continue
            self._study.track(values[name], name=f"trial_{name}", step=event.trial.number, context=context)
            trials = {m.name: m for m in self._study.metrics() if m.context.to_dict() == context}
            steps, (reached, *_) = trials[f"trial_{name}"].data.numpy()
            best = float(reached[0])
            for step, value in zip(steps.tolist(), reached.tolist(), strict=True):
                best = better(best, value)
                self._study.track(best, name=f"best_{name}", step=step, context=context)
