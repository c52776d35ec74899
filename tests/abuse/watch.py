"""Run the command line in this process, and see what it does to the machine besides computing."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from genrelab.cli.main import main
from tests.abuse.changes import changes_files
from tests.conftest import TOY

INLINE = Path(__file__).parents[1] / "inline_executor.py"
SMALL = (
    *("search={}", "candidate=[{name='one', model={name='linear'}}]", "final.seeds=[1]", "train.epochs=1"),
    *("dataset={name='tones', clips=3, artists=3, root='data'}", "split={train=0.4, validation=0.3, test=0.3}"),
    *("executor={name='inline'}", "reporter=[{name='recorder'}]"),
)
_RUNS = (
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"),
    *("pickle.find_class", "marshal.loads", "socket.connect", "socket.bind", "webbrowser.open"),
)
_watching: list[Deeds] = []


class Deeds:
    """What was done while somebody watched, as (event of Python's audit hooks, what it was done to)."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.written: list[tuple[str, str]] = []
        self.ran: list[tuple[str, str]] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    what, deeds = str(arguments[0]) if arguments else "", _watching[-1]
    changing = changes_files(event, arguments)
    if event == "open" and not changing:
        deeds.read.append(what)
    elif (changing or event in _RUNS) and not _importing():  # libraries try things as they are imported
        (deeds.written if changing else deeds.ran).append((event, what))


def _importing() -> bool:
    return any(frame.filename.startswith("<frozen importlib") for frame in traceback.extract_stack())


sys.addaudithook(_note)  # one for all: Python cannot take it away again


@contextlib.contextmanager
def watched() -> Iterator[Deeds]:
    """Note what is read, written, started or unpickled within this context; imports leave no files."""
    deeds = Deeds()
    with patch.object(sys, "dont_write_bytecode", True):
        _watching.append(deeds)
        try:
            yield deeds
        finally:
            _watching.pop()


class HangError(BaseException):
    """A call has taken more time of the processor than it may."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise HangError in what computes for longer; a busy machine makes no difference."""

    def tell(*_: object) -> None:
        raise HangError(f"computes for more than {seconds} s")

    before = signal.signal(signal.SIGPROF, tell)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Told(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str


def command(*arguments: str | Path) -> Told:
    """Call the entry point of the command line, as the installed `genrelab` does."""
    out, err, before = io.StringIO(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    with (
        patch.object(sys, "argv", ["genrelab", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            return Told(int(end.code or 0), out.getvalue(), err.getvalue())
        finally:
            signal.signal(signal.SIGTERM, before)
    raise AssertionError("main() returns without an exit code")


def study(*settings: str, plugin: str | Path) -> Told:
    """Run the toy study, of one training, in this process, with a plugin and settings on top."""
    plugins = [a for file in (TOY / "toy.py", INLINE, plugin) for a in ("--plugin", file)]
    given = [a for text in (*SMALL, *settings) for a in ("--set", text)]
    with at_most(60):
        return command("run", TOY / "toy.toml", "--store", "data", *plugins, *given)
