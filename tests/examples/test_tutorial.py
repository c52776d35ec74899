"""docs/plugins.md, followed literally: what it says to write is written, what it says to run is run."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelab.testing import checks_of
from tests.conftest import ROOT, Command

PAGE = (ROOT / "docs/plugins.md").read_text("utf-8")


def blocks() -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        yield match[1], match[2]


def file_of(language: str, text: str) -> str | None:
    """Return the name under which the page says to write a block; None for a part of a file."""
    if language == "toml" and "name" in tomllib.loads(text):
        return f"{tomllib.loads(text)['name']}.toml"
    return "my_net.py" if language == "python" and text.startswith('"""') else None


def test_the_page_names_the_files_that_are_to_be_written() -> None:
    names = [name for language, text in blocks() if (name := file_of(language, text))]
    assert names == ["my_net.py", "first-look.toml"]
    assert all(f"write this to\n`{name}`" in PAGE or f"Write this to `{name}`" in PAGE for name in names)


def test_the_model_of_the_page_keeps_its_promises(tmp_path: Path) -> None:
    [source] = [text for language, text in blocks() if file_of(language, text) == "my_net.py"]
    assert len(source.splitlines()) <= 40
    (tmp_path / "my_net.py").write_text(source)
    [model] = runpy.run_path(str(tmp_path / "my_net.py"))["provide_models"]()
    for check in checks_of(model):
        if check.name not in ("compiles", "onnx"):  # slow; the test below runs all
            check()


@pytest.mark.slow
def test_the_tutorial_works_from_an_empty_folder(tmp_path: Path, genrelab: Command) -> None:
    for language, text in blocks():
        if name := file_of(language, text):
            (tmp_path / name).write_text(text)
        elif language == "sh":
            for line in text.splitlines():
                program, *arguments = shlex.split(line)
                if program == "genrelab":
                    done = genrelab(*arguments, timeout=600)
                else:
                    command = [sys.executable, "-m", program, *arguments]
                    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
                assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert "| my_net |" in (tmp_path / "runs/first-look/results.md").read_text()
