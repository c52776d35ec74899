"""Hooks of plugins that do everything but what they should: named with their file, and nobody else is disturbed."""

from __future__ import annotations

import functools
import re
from importlib import metadata
from pathlib import Path

import pytest

from genrelab.components import KINDS, Kind
from genrelab.plugins import limits
from tests.abuse.mutations import written
from tests.abuse.test_experiment_files import assert_clear
from tests.abuse.test_registry_files import EXPERIMENT
from tests.abuse.watch import at_most, command

# What ends a plugin may be raised where Python can only ignore it; then it is raised again.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SOURCE = """
import sys, time
from typing import TYPE_CHECKING
import attrs
import genrelab
from genrelab import hookimpl, setting

@attrs.frozen
class Params:
    size: int = setting(1, help="of nothing")

def build(*arguments):
    raise AssertionError("nobody asked for it")

def whole(name="net", params=Params, build=build, **more):
    return genrelab.CLASS(name, params, build, **more)

@hookimpl
def provide_PLURAL():
    BODY
"""
BAD_PARAMS = {
    "no class": "params=Params()",
    "no attrs": "params=dict",
    "nothing": "params=None",
    "no default": 'params=attrs.make_class("P", ["size"])',
    "raises": 'params=attrs.make_class("P", {"size": attrs.field(factory=lambda: 1 / 0)})',
    "unresolvable": 'params=attrs.make_class("P", {"size": attrs.field(default=1, type="Nowhere")})',
}
BAD_NAMES = {
    "empty": '""',
    "path": '"../net"',
    "number": "3",
    "escape": '"\\x1b[2J"',
    "line": '"a\\nb"',
    "long": '"x" * 10**6',
}
FAULTS = {
    "raises": "raise ValueError('broken\\nin two lines')",
    "raises nothing": "raise Exception",
    "raises the group": "raise ExceptionGroup('two', [ValueError('a'), KeyError('b')])",
    "exits": "sys.exit(0)",
    "recurses": "return provide_PLURAL()",
    "gives None": "return None",
    "gives a number": "return 42",
    "gives a text": "return 'net'",
    "gives a table": "return {'net': whole()}",
    "gives nothing in a list": "return [None]",
    "gives a class": "return [genrelab.CLASS]",
    "gives something large": "return ['x' * 10**7]",
    "fails midway": "yield whole(); raise OSError('half')",
    "exits midway": "yield whole(); sys.exit(0)",
    "builds nothing": "return [whole(build=None)]",
    **{f"params: {name}": f"return [whole({text})]" for name, text in BAD_PARAMS.items()},
    **{f"name: {name}": f"return [whole(), whole({text})]" for name, text in BAD_NAMES.items()},
}
ALL_KINDS = [pytest.param(kind, marks=() if kind.name == "model" else pytest.mark.slow) for kind in KINDS.values()]
ENDLESS = {
    "sleeps": "time.sleep(60)",
    "loops": "while True: pass",
    "yields without end": "while True: yield whole()",
    "swallows": "while True:\n        try: time.sleep(60)\n        except Exception: pass",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(metadata, "entry_points", functools.cache(metadata.entry_points))
    (tmp_path / "x.toml").write_bytes(written(EXPERIMENT))
    return tmp_path


def offer(folder: Path, kind: Kind, body: str) -> str:
    """List a plugin with one hook in a registry.toml; return the name of its component."""
    text = SOURCE.replace("BODY", body).replace("CLASS", kind.component.__name__).replace("PLURAL", kind.plural)
    (folder / "net.py").write_text(text)
    (folder / "registry.toml").write_text(f'[{kind.plural}]\nnet = "./net.py"\n')
    return f"{kind.name}/net"


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda k: k.name)
@pytest.mark.parametrize("body", FAULTS.values(), ids=FAULTS.keys())
def test_a_hook_that_is_wrong_is_named(folder: Path, kind: Kind, body: str) -> None:
    name = offer(folder, kind, body)
    told = command("check", name)
    assert told.code == 1
    assert told.out.startswith(f"FAILED  {name}: {kind.name} 'net' from ")
    assert "net.py" in told.out
    assert len(told.out) < 2000
    assert "Traceback" not in told.out + told.err


@pytest.mark.slow
@pytest.mark.parametrize("body", [*FAULTS.values(), "import no_such_package"], ids=[*FAULTS, "imports"])
def test_a_wrong_hook_disturbs_nobody_and_is_told_in_one_report(folder: Path, body: str) -> None:
    offer(folder, KINDS["model"], body)
    assert command("list").code == command("validate", "x.toml").code == 0
    for arguments in (["show", "model/net"], ["validate", "x.toml", "--set", "model.name='net'"]):
        told = command(*arguments)
        assert told.code == 2
        assert_clear(told)


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS.keys())
def test_a_hook_that_does_not_end_is_ended_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    name = offer(folder, KINDS["feature"], body)
    # Between two that it yields a generator is not what runs, and no line of it is told.
    assert_ended(name, "provide_features", monkeypatch, line=r"(:\d+)?" if "yield" in body else r":\d+")


@pytest.mark.parametrize("body", [b for b in ENDLESS.values() if "yield" not in b])
def test_an_import_that_does_not_end_is_ended_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    name = offer(folder, KINDS["feature"], "pass")
    (folder / "net.py").write_text(f"import time\nif True:\n    {body}\n")
    assert_ended(name, "import", monkeypatch)


def assert_ended(name: str, what: str, monkeypatch: pytest.MonkeyPatch, line: str = r":\d+") -> None:
    """Hold that a component that takes for ever to load is told with the line that does."""
    monkeypatch.setenv(limits.SECONDS, "0.2")
    with at_most(20):
        told = command("check", name)
    assert told.code == 1
    said = rf"net\.py{line}: {what} takes longer than 0\.2 s \(set GENRELAB_PLUGIN_SECONDS to allow more\)"
    assert re.search(said, told.out)


@pytest.mark.parametrize("text", ["ten", "nan", "-1", "0"])
def test_a_limit_that_is_none_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(limits.SECONDS, text)
    told = command("validate", "x.toml")
    assert told.code == 2
    assert f"GENRELAB_PLUGIN_SECONDS: '{text}' is no number of seconds above 0" in told.err
