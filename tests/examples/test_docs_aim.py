"""The commands of docs/aim.md, on a study that is already there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.conftest import ROOT, Command
from tests.examples.test_docs import blocks
from tests.written_study import write_study

PAGE = ROOT / "docs/aim.md"


def test_a_study_is_written_again_as_shown(tmp_path: Path, genrelab: Command) -> None:
    write_study(tmp_path / "runs/quickstart", trials=1, seeds=(1,))
    shown = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    assert shown == ["genrelab dashboard", "genrelab aim-sync runs/quickstart"]  # the first is tested in a browser
    done = genrelab(*shlex.split(shown[1])[1:])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/.aim/meta/chunks").is_dir()


def test_every_view_is_told_of() -> None:
    from genrelab_plugins.reporters._aim_views import views

    told = re.findall(r"^\| ([^|]+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {view.title for view in views([])} <= set(told)
