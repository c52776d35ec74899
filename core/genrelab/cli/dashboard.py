"""`genrelab dashboard`: serve the Aim repository of the runs folder to the browser."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO

import click

from genrelab.errors import InputError, WorkError

START_SECONDS = 120.0
"""Until Aim answers at the latest; 5 to 15 are usual."""
STOP_SECONDS = 5.0
"""Between asking the server to end and ending it."""
LOG_LINES = 15
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AIM = "from aim.cli.cli import cli_entry_point; cli_entry_point()"  # Aim has no __main__


@click.command()
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder that holds the Aim repository.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=43800, show_default=True)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to serve at; Aim asks for no password."
)
def dashboard(repo: Path, port: int, host: str) -> None:
    """Look at studies in the browser, with Aim.

    Serves until Ctrl-C. A study that runs at the same time shows up as it goes on.
    """
    if not (repo / ".aim").is_dir():
        raise InputError(
            f"{repo}: no Aim repository here; `genrelab run EXPERIMENT` makes one, --repo names another folder"
        )
    if importlib.util.find_spec("aim") is None:
        raise WorkError("Aim is not installed in this environment: pip install aim==3.29.1")
    check_free(host, port)
    with signals_end(), only_one(repo), tempfile.TemporaryFile("w+") as log:
        pages = prepare(repo)
        server = start(repo, host, port, log)
        try:
            wait_for_answer(server, host, port, log)
            click.echo(f"Aim serves {repo} at http://{host}:{port} (Ctrl-C ends it)")
            for title, path in pages.items():
                click.echo(f"  {title}: http://{host}:{port}{path}")
            server.wait()
            raise WorkError(f"Aim ended by itself; its last words:\n{tail(log)}")
        except KeyboardInterrupt:
            click.echo("ending")
        finally:
            stop(server)


def prepare(repo: Path) -> dict[str, str]:
    """Let the reporter that writes to Aim make its bookmarks while no server is up; return the pages to go to.

    What fails there is told, and does not keep anyone from looking at the runs.
    """
    from genrelab.events import DashboardStart
    from genrelab.plugins.loading import listen
    from genrelab.plugins.registry import Registry
    from genrelab.study.listeners import tell

    try:
        registry = Registry.discover()
        params = registry.get("reporter", "aim").params(repo=str(repo))
        reporter = listen(registry.build("reporter", "aim", params), "reporter aim")
        return {title: path for pages in tell(reporter, DashboardStart(repo)) for title, path in pages.items()}
    except Exception as error:
        click.echo(f"warning: no bookmarks are made: {type(error).__name__}: {error}", err=True)
        return {}


def check_free(host: str, port: int) -> None:
    """Raise InputError where nothing can be served at this address."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
            probe.bind(address)
    except OSError as error:
        raise InputError(
            f"cannot serve at {host}:{port}: {error.strerror}; name another --port (or --host)"
        ) from error


@contextlib.contextmanager
def signals_end() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the command as Ctrl-C does; handlers are as before at the end."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def only_one(repo: Path) -> Iterator[None]:
    """Hold the repository: a second Aim server would break the first one's index of runs."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(repo / ".aim" / "dashboard.lock", timeout=0):
            yield
    except Timeout:
        raise InputError(f"{repo}: another dashboard serves this repository; use or end that one") from None


def start(repo: Path, host: str, port: int, log: IO[str]) -> subprocess.Popen[str]:
    """Start Aim in a session of its own, so that all its processes can be ended together."""
    command = [sys.executable, "-c", AIM, "up", "--repo", str(repo.resolve()), "--host", host]
    command += ["--port", str(port), "--workers", "1", "--yes"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, start_new_session=True
    )


def wait_for_answer(server: subprocess.Popen[str], host: str, port: int, log: IO[str]) -> None:
    """Return once the server answers.

    Raises:
        WorkError: it ended, or did not answer in time.
    """
    reachable = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(reachable, port, timeout=5)
        try:
            connection.request("GET", "/api/projects/")
            connection.getresponse()
            return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    state = "ended" if server.poll() is not None else f"did not answer within {START_SECONDS:.0f} s"
    raise WorkError(f"Aim {state}; its last words:\n{tail(log)}")


def stop(server: subprocess.Popen[str]) -> None:
    """End the server with all its processes: ask first, then force. Further signals do not cut this short."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while group_lives(server) and time.monotonic() < deadline:
            time.sleep(0.05)
    server.wait()


def group_lives(server: subprocess.Popen[str]) -> bool:
    """Say whether a process of the server's group is left."""
    server.poll()  # else the first of them stays as a zombie
    try:
        os.killpg(server.pid, 0)
    except ProcessLookupError:
        return False
    return True


def tail(log: IO[str]) -> str:
    """Return the last lines that the server wrote."""
    log.seek(0)
    return "".join(log.readlines()[-LOG_LINES:]).rstrip()
