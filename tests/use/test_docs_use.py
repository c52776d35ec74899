"""What docs/use.md shows works as it stands."""

from __future__ import annotations

import re
import shlex

from click.testing import CliRunner

from genrelab.cli.main import cli
from tests.conftest import ROOT
from tests.examples.test_docs import blocks

PAGE = ROOT / "docs/use.md"


def test_every_command_and_example_works(study, tone, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/quickstart").symlink_to(study)
    tone("music/one.wav", 300, seconds=2.5)
    tone("music/two.flac", 900)
    shown = [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    assert len(shown) >= 9
    for line in shown:
        command = shlex.split(re.sub(r" > \S+$", "", line))
        assert command.pop(0) == "genrelab"
        done = CliRunner().invoke(cli, command, standalone_mode=False)
        assert done.exception is None, line
    assert {f.name for f in (tmp_path / "over-time").iterdir()} == {"one.csv", "one.png"}
    assert {f.name for f in (tmp_path / "my-model").iterdir()} == {
        *("README.md", "model.json", "model.onnx", "weights.safetensors")
    }
    for example in blocks(PAGE, "python"):
        exec(example, {})
    assert "'high': " in capsys.readouterr().out
