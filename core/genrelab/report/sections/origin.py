"""What the results come from: the experiment, the machine, the versions, and the command that makes them again."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

from genrelab.compare.tables import Table
from genrelab.report.page import Block, Page, Text
from genrelab.report.study import Study
from genrelab.study.rundir import RunDirectory


def origin(study: Study, page: Page) -> list[Block]:
    """Give the commands, the environment and the resolved experiment."""
    environment = study.environment
    blocks: list[Block] = [
        Text("The study was run by"),
        Text(shlex.join(environment.get("command", [])) or "unknown", "code"),
        Text("The resolved experiment below, which holds every default and --set, gives the same results with"),
        Text(reproduce(study), "code"),
    ]
    if environment:
        facts = {k: v for k, v in environment.items() if k not in ("packages", "command")}
        rows = [
            [k.replace("_", " "), str(v) or "unknown"]
            for k, v in [*facts.items(), *environment["packages"].items()]
        ]
        blocks.append(page.table("environment", Table("Environment", ("what", "value"), rows), (1,)))
    experiment = RunDirectory(study.root).experiment.read_text(encoding="utf-8")
    return [*blocks, Text("The resolved experiment", "heading"), Text(experiment, "code")]


def reproduce(study: Study) -> str:
    """Return the commands that run the resolved experiment again, at the same revision, in another directory."""
    revision = str(study.environment.get("git_revision", ""))
    lines = [f"git checkout {revision.removesuffix('+changes')}"] if revision else []
    if revision.endswith("+changes"):
        lines[0] += "  # and the uncommitted changes of that time"
    plugins = [part for p in _plugins(study) for part in ("--plugin", p)]
    file = RunDirectory(study.root).experiment
    command = ["genrelab", "run", str(file), *plugins, "--run-dir", f"{study.root}-again"]
    return "\n".join([*lines, shlex.join(command)])


def _plugins(study: Study) -> list[str]:
    """Return the plugin files that were tried out with --plugin."""
    words = study.environment.get("command", [])
    after = [b for a, b in pairwise(words) if a == "--plugin"]
    joined = [w.removeprefix("--plugin=") for w in words if w.startswith("--plugin=")]
    return [str(Path(p)) for p in (*after, *joined)]
