"""The Aim run of an exploration: what is in a dataset, with every picture of the page."""

from __future__ import annotations

import hashlib
import re

import tomli_w

from genrelab import Exploration
from genrelab_plugins.reporters._aim_repo import Image, Repo, Text, close_run, label, open_run, study_id, track
from genrelab_plugins.reporters._aim_values import plain


def write_exploration(repo: Repo, event: Exploration) -> None:
    """Write an exploration; one that shows the same goes into the same run again."""
    shown = hashlib.sha256(repr([(p.name, p.caption) for p in event.pictures]).encode()).hexdigest()
    run = open_run(repo, f"{study_id(event.directory)}/{shown}", event.time)
    label(run, "data", event.study, "data")
    run["study"] = {"name": event.study, "status": "COMPLETED", "directory": str(event.directory)}
    run["data"] = {re.sub(r"\W+", "_", name): fact for name, fact in plain(event.facts).items()}
    track(run, Text(tomli_w.dumps(plain(event.experiment))), event.time, 0, {}, "experiment")
    if event.notes:
        track(run, Text("\n".join(event.notes)), event.time, 0, {}, "notes")
    for picture in event.pictures:
        image = Image(str(picture.file), caption=picture.caption, format="png")
        track(run, image, event.time, picture.number, {}, picture.name)
    close_run(run, event.time)
