"""Prepare a repository for the dashboard while Aim's server is down: bookmarks, and where the reviews are."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from genrelab_plugins.reporters._aim_repo import MIGRATIONS, Repo, open_repo
from genrelab_plugins.reporters._aim_studies import Study, studies
from genrelab_plugins.reporters._aim_views import View, views

OURS = "by genrelab"
SHOWN = 5
"""Reviews that are named; Aim's page of experiments has them all."""


def prepare_review(folder: Path) -> Mapping[str, str]:
    """Make the bookmarks; return the reviews of the newest studies: title -> path after the server's address."""
    repo = open_repo(folder)
    known = studies(Path(repo.path))
    keep_bookmarks(Path(repo.path), views(common(known)))
    return _reviews(repo, known[:SHOWN])


def keep_bookmarks(folder: Path, wanted: Sequence[View]) -> None:
    """Give a repository exactly these bookmarks of ours, in their order; the user's own, and changes to ours, stay.

    Args:
        folder: the .aim of the repository.
        wanted: the views.
    """
    with closing(_open_tables(folder)) as tables, tables:
        keys = {_key(view): view for view in wanted}
        marks = ", ".join("?" * len(keys))
        outdated = f"description = ? and uuid not in ({marks})"  # a view of an earlier release, or with other axes
        tables.execute(
            f"delete from explore_states where dashboard_id in (select uuid from dashboards where {outdated})",  # noqa: S608
            (OURS, *keys),
        )
        tables.execute(f"delete from dashboards where {outdated}", (OURS, *keys))  # noqa: S608
        now = datetime.now(UTC).replace(tzinfo=None)
        for place, (key, view) in enumerate(keys.items()):
            time = (now + timedelta(milliseconds=place)).isoformat(sep=" ")  # Aim shows them by time
            tables.execute(
                "insert or ignore into dashboards (uuid, name, description, created_at, updated_at, is_archived)"
                " values (?, ?, ?, ?, ?, 0)",
                (key, view.title, OURS, time, time),
            )
            tables.execute(
                "insert or ignore into explore_states"
                " (uuid, created_at, updated_at, is_archived, type, state, dashboard_id)"
                " values (?, ?, ?, 0, ?, ?, ?)",
                (str(uuid.uuid5(uuid.UUID(key), "state")), time, time, view.page, json.dumps(view.state), key),
            )


def common(known: Sequence[Study]) -> list[str]:
    """Return the parameters that every study searches."""
    first = known[0].searched if known else ()
    return [name for name in first if all(name in study.searched for study in known)]


def _key(view: View) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"genrelab/{view.title}/{json.dumps(view.state)}"))


def _open_tables(folder: Path) -> sqlite3.Connection:
    """Open the tables of Aim's pages, made as Aim's server makes them where they are missing."""
    tables = sqlite3.connect(folder / "aim_db", timeout=30)
    if not tables.execute("select 1 from sqlite_master where name = 'explore_states'").fetchone():
        environment = {**os.environ, "__AIM_UI_MOUNT_REPO_PATH__": str(folder.parent), "__AIM_ENV_MODE__": "prod"}
        command = [sys.executable, "-m", "alembic", "-c", str(MIGRATIONS), "upgrade", "head"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    return tables


def _reviews(repo: Repo, known: Sequence[Study]) -> dict[str, str]:
    pages = {e.name: f"/experiments/{e.uuid}/notes" for e in repo.structured_db.experiments() if e.notes}
    return {f"review of {study.name}": pages[study.name] for study in known if study.name in pages}
