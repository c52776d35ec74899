"""The experiment and the commands of docs/augmentation.md."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.conftest import ROOT, Command
from tests.examples.test_docs import blocks

PAGE = ROOT / "docs/augmentation.md"
SMALL = ["dataset.clips=32", "dataset.artists=3", "dataset.seconds=1.0", "audio.seconds=1.0", "train.epochs=1"]
SMALL += ["final.seeds=[1]"]


def test_the_comparison_of_chains_works_as_shown(tmp_path: Path, genrelab: Command) -> None:
    (tmp_path / "augmentation.toml").write_text(next(b for b in blocks(PAGE, "toml") if "[[candidate]]" in b))
    lines = [line for line in blocks(PAGE, "sh")[0].splitlines() if line.startswith("genrelab ")]
    assert len(lines) == 3
    for line in lines:
        arguments = shlex.split(line)[1:]
        small = [] if arguments[0] == "compare" else [a for s in SMALL for a in ("--set", s)]
        done = genrelab(*arguments, *small, timeout=300)
        assert done.returncode == 0, (line, done.stderr)
    pictures = {p.name for p in (tmp_path / "before-and-after").glob("augmentation-*.png")}
    assert len(pictures) == 9
    assert {"augmentation-spec_mask-1.png", "augmentation-speed-6.png"} <= pictures
