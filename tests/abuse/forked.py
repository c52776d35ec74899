"""Commands that start in no time, and get a signal at a chosen instant.

A process that has imported what they need forks one for each. In that, every change to the file system, every row
of a feature store and every step of a progress bar is counted as an instant; it gets a signal at one of these, just
before it or just after, or at any time from outside.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

_REACHED = "genrelab.tests.instant"  # an audit event of our own


class Ended(NamedTuple):
    """How a command has ended."""

    code: int
    """Its exit code; negative: the signal."""
    instants: int
    """How many there were."""


class Server:
    """A process that forks commands, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(
        self,
        folder: Path,
        arguments: list[str],
        sha1: Mapping[str, str],
        instant: float = 0.0,
        sent: signal.Signals = signal.SIGKILL,
    ) -> int:
        """Start a command; return its process.

        Args:
            folder: where it runs, and where its output goes: `output`.
            arguments: of `genrelab`.
            sha1: of archives that are fetched.
            instant: from 1, at which it gets the signal, or just after if this is no whole number; 0: none.
            sent: the signal.
        """
        order = {
            "folder": str(folder),
            "arguments": arguments,
            "sha1": dict(sha1),
            "instant": instant,
            "sent": sent,
        }
        return int(self._ask(json.dumps(order)))

    def wait(self) -> Ended:
        """Wait for the end of the command."""
        return Ended(*json.loads(self._ask("")))

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def serving(*modules: str) -> Iterator[Server]:
    """Start a process that has imported these modules."""
    command = [sys.executable, "-m", "tests.abuse.forked", *modules]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=-1, stdout=-1, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def _serve() -> None:
    """Fork what stdin orders; in the child, return."""
    instants = mmap.mmap(-1, 8)
    while order := sys.stdin.readline():
        instants[:] = bytes(8)
        child = os.fork()
        if not child:
            _become(json.loads(order), instants)
            return
        print(child, flush=True)
        sys.stdin.readline()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, int.from_bytes(instants[:], "little")]), flush=True)
    os._exit(0)


def _become(order: Mapping[str, Any], instants: mmap.mmap) -> None:
    """Be the process that is ordered, as if it had been started by a shell."""
    import attrs

    from genrelab.data.fetch import fma

    os.chdir(order["folder"])
    output = os.open("output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(file, stream)
    for name, sha1 in order["sha1"].items():
        fma.ARCHIVES[name] = attrs.evolve(fma.ARCHIVES[name], sha1=sha1)
    sys.argv = ["genrelab", *order["arguments"]]
    sys.addaudithook(_counting(instants, order["instant"], order["sent"]))


def _counting(instants: mmap.mmap, chosen: float, sent: int) -> Callable[[str, tuple[Any, ...]], None]:
    from tests.abuse.changes import changes_files

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event != _REACHED and not changes_files(event, arguments):
            return
        reached = int.from_bytes(instants[:], "little") + 1
        instants[:] = reached.to_bytes(8, "little")
        if reached == chosen:
            os.kill(os.getpid(), sent)
        elif reached == int(chosen):
            sys.setprofile(send)  # at the next call: a file is open then, and empty

    def send(*_: object) -> None:
        sys.setprofile(None)
        os.kill(os.getpid(), sent)

    return count


def _announce(owner: Any, name: str) -> None:
    """Make every call of a function an instant."""
    function = getattr(owner, name)

    def announced(*arguments: Any, **more: Any) -> Any:
        sys.audit(_REACHED)
        return function(*arguments, **more)

    setattr(owner, name, announced)


def _prepare(modules: list[str]) -> None:
    import importlib

    from rich.progress import Progress

    from genrelab.data.store_writer import StoreWriter

    for module in modules:
        importlib.import_module(module)
    for owner, name in ((StoreWriter, "add"), (Progress, "advance"), (Progress, "update")):
        _announce(owner, name)


if __name__ == "__main__":
    _prepare(sys.argv[1:])
    _serve()
    from genrelab.cli.main import main

    main()
