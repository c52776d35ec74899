"""Components whose build goes wrong in a study: told before anything is trained, with plugin, file and line."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from genrelab.components import KINDS
from genrelab.plugins import limits
from tests.abuse.test_experiment_files import assert_clear
from tests.abuse.tiny import slow_but
from tests.abuse.watch import Told, study

# What ends a plugin may be raised where Python can only ignore it; then it is raised again.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
SOURCE = """
import sys, time
import attrs
import genrelab
from genrelab import hookimpl

@attrs.frozen
class Params:
    pass

def build(*arguments):
    BODY

@hookimpl
def provide_PLURAL():
    return [genrelab.CLASS("net", Params, build)]
"""
CHOSEN = {
    "dataset": "dataset={name='net'}",
    "feature": "feature={name='net'}",
    "augmentation": "augment=[{name='net'}]",
    "model": "candidate=[{name='net', model={name='net'}}]",
    "scheduler": "scheduler=[{name='net'}]",
    "reporter": "reporter=[{name='net'}]",
    "executor": "executor={name='net'}",
}
FAULTS = {
    "raises": ("raise ValueError('broken\\nin two lines')", "build raises ValueError: broken"),
    "exits": ("sys.exit(0)", "build raises SystemExit: 0"),
    "recurses": ("return build()", "build raises RecursionError: maximum recursion depth exceeded"),
    "gives None": ("return None", "it gives NoneType, which has no "),
    "gives a number": ("return 42", "it gives int, which has no "),
    "gives a class": ("return dict", "it gives the class dict, not an object"),
}
ANYTHING = {("reporter", "gives None"), ("reporter", "gives a number")}  # they only hear nothing
ENDLESS = {
    "sleeps": "time.sleep(60)",
    "loops": "while True: pass",
    "swallows": "while True:\n        try: time.sleep(60)\n        except Exception: pass",
}
GREEDY = "kept = []\n    while True: kept.append(bytearray(b'x' * 2**24))"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for audio and features, which the first study makes and the others find."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(data)


def run(kind: str, body: str) -> Told:
    """Run a small study with a component of that kind, in this process."""
    text = SOURCE.replace("BODY", body).replace("CLASS", KINDS[kind].component.__name__)
    Path("net.py").write_text(text.replace("PLURAL", KINDS[kind].plural))
    return study(CHOSEN[kind], plugin="net.py")


def assert_told(told: Told, kind: str, cause: str) -> None:
    assert told.code == 2
    assert_clear(told)
    assert f"{kind} 'net' from --plugin {Path('net.py').absolute()}: {Path('net.py').absolute()}:" in told.err
    assert cause in told.err
    assert not Path("runs").exists() or not list(Path("runs").rglob("result.json"))


FAST = {("model", "raises"), ("scheduler", "exits"), ("executor", "gives None"), ("feature", "gives a class")}
FAST_ENDLESS = {("model", "sleeps"), ("dataset", "swallows")}


@pytest.mark.parametrize(("kind", "fault"), slow_but(FAST, sorted({*itertools.product(CHOSEN, FAULTS)} - ANYTHING)))
def test_a_build_that_is_wrong_is_told_before_anything_is_trained(kind: str, fault: str) -> None:
    body, cause = FAULTS[fault]
    assert_told(run(kind, body), kind, cause)


@pytest.mark.parametrize(("kind", "way"), slow_but(FAST_ENDLESS, itertools.product(CHOSEN, ENDLESS)))
def test_a_build_that_does_not_end_is_ended_and_named(monkeypatch: pytest.MonkeyPatch, kind: str, way: str) -> None:
    monkeypatch.setenv(limits.SECONDS, "1")
    assert_told(
        run(kind, ENDLESS[way]), kind, "build takes longer than 1 s (set GENRELAB_PLUGIN_SECONDS to allow more)"
    )


@pytest.mark.parametrize(
    "kind", ["model", *(pytest.param(k, marks=pytest.mark.slow) for k in CHOSEN if k != "model")]
)
def test_a_build_that_takes_all_memory_is_ended_and_named(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(limits, "free_memory", lambda: 3e8)
    assert_told(run(kind, GREEDY), kind, "GiB, nearly all the memory that is free")


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("yield genrelab.Track('a', 'a.wav', 'x')\n    raise OSError('half')", "build raises OSError: half"),
        ("yield 42", "build raises TypeError: expected tracks, got int"),
        ("yield None", "build raises TypeError: expected tracks, got NoneType"),
        ("while True: yield genrelab.Track('a', 'a.wav', 'x')", "takes "),
    ],
    ids=["fails midway", "no track", "nothing", "never ends"],
)
def test_a_dataset_that_goes_wrong_while_it_is_read_is_told(
    monkeypatch: pytest.MonkeyPatch, body: str, cause: str
) -> None:
    monkeypatch.setenv(limits.SECONDS, "1")
    assert_told(run("dataset", body), "dataset", cause)
