"""The Aim run of an exploration: what is in a dataset, with every picture of the page."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import tomli_w

from genrelab import Exploration
from genrelab_plugins.reporters._aim_repo import Image, Text, open_repo, open_run, study_id
from genrelab_plugins.reporters._aim_values import plain


def write(folder: Path, event: Exploration) -> None:
    """Write an exploration; one that shows the same goes into the same run again."""
    shown = hashlib.sha256(repr([(p.name, p.caption) for p in event.pictures]).encode()).hexdigest()
    run = open_run(open_repo(folder), f"{study_id(event.directory)}/{shown}")
    run.name, run.experiment = "data", event.study
    if "data" not in run.tags:
        run.add_tag("data")
    run["study"] = {"name": event.study, "status": "COMPLETED", "directory": str(event.directory)}
    run["data"] = {re.sub(r"\W+", "_", name): fact for name, fact in plain(event.facts).items()}
    run.track(Text(tomli_w.dumps(plain(event.experiment))), name="experiment", step=0)
    if event.notes:
        run.track(Text("\n".join(event.notes)), name="notes", step=0)
    for picture in event.pictures:
        image = Image(str(picture.file), caption=picture.caption, format="png")
        run.track(image, name=picture.name, step=picture.number)
    run.close()
