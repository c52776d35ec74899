"""`genrelab dashboard`: serves, refuses, and leaves no process behind."""

import http.client
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from genrelab import InputError, WorkError
from genrelab.cli import dashboard as module
from genrelab.cli.dashboard import dashboard, only_one

COMMAND = "from genrelab.cli.dashboard import dashboard; dashboard()"
MAKE_REPO = """
import sys
from pathlib import Path
from genrelab_plugins.reporters._aim_repo import open_repo
open_repo(Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboard") / "runs"
    subprocess.run([sys.executable, "-c", MAKE_REPO, str(folder)], check=True, timeout=60)
    return folder


@pytest.fixture
def empty(tmp_path):
    (tmp_path / ".aim").mkdir()
    return tmp_path


@pytest.fixture(autouse=True)
def unprepared(monkeypatch):
    """In this process no repository is prepared, which needs Aim; the one that is served is, in its process."""
    monkeypatch.setattr(module, "prepare", lambda repo: {})


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(*arguments):
    return CliRunner().invoke(dashboard, [str(a) for a in arguments]).exception


def processes_with(text):
    listing = subprocess.run(["ps", "-eo", "pid,args", "-ww"], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if text in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_a_signal_and_leaves_nothing(repo, port, number):
    command = [sys.executable, "-u", "-c", COMMAND, "--repo", str(repo), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert select.select([process.stdout], [], [], 60)[0], "no address within 60 s"
        address = re.search(r"http://([\d.]+):(\d+)", process.stdout.readline())
        connection = http.client.HTTPConnection(address[1], int(address[2]), timeout=20)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 200
        assert b"Aim" in response.read()
        connection.close()
        assert len(processes_with(f"--port {port}")) >= 2  # the command, aim up, its server
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
        assert process.returncode == 0, output
        assert processes_with(f"--port {port}") == []
    finally:
        process.kill()
        process.communicate()


def test_reviews_are_named_and_what_fails_there_is_no_more_than_a_warning(repo, monkeypatch, capsys):
    monkeypatch.undo()
    from genrelab_plugins.reporters import _aim_bookmarks

    monkeypatch.setattr(_aim_bookmarks, "prepare_review", lambda folder: {"review of x": f"/{folder.name}"})
    assert module.prepare(repo) == {"review of x": "/runs"}

    def full(folder):
        raise OSError("No space left on device")

    monkeypatch.setattr(_aim_bookmarks, "prepare_review", full)
    assert module.prepare(repo) == {}
    assert "no bookmarks are made: OSError: No space left" in capsys.readouterr().err


def test_a_missing_repository_is_a_wrong_input_that_says_what_to_run(tmp_path):
    error = call("--repo", tmp_path)
    assert isinstance(error, InputError)
    assert "genrelab run" in str(error)


def test_a_port_in_use_is_a_wrong_input_that_names_the_option(empty):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        error = call("--repo", empty, "--port", other.getsockname()[1])
    assert isinstance(error, InputError)
    assert "--port" in str(error)
    assert "in use" in str(error)


def test_an_unknown_host_is_a_wrong_input(empty, port):
    assert isinstance(call("--repo", empty, "--port", port, "--host", "203.0.113.7"), InputError)


def test_a_second_dashboard_on_one_repository_is_refused(empty, port):
    with only_one(empty):
        error = call("--repo", empty, "--port", port)
    assert isinstance(error, InputError)
    assert "another dashboard" in str(error)


def test_without_aim_it_says_what_to_install(empty, port, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    error = call("--repo", empty, "--port", port)
    assert isinstance(error, WorkError)
    assert "pip install aim" in str(error)


def test_aim_that_dies_is_a_failure_with_its_last_words(empty, port, monkeypatch):
    monkeypatch.setattr(module, "AIM", "raise SystemExit('No space left on device')")
    error = call("--repo", empty, "--port", port)
    assert isinstance(error, WorkError)
    assert str(error).endswith("No space left on device")


def test_aim_that_hangs_and_will_not_end_is_killed_with_its_children(empty, port, monkeypatch):
    sleeper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
    monkeypatch.setattr(
        module,
        "AIM",
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleeper!r}, *sys.argv]); {sleeper}",
    )
    monkeypatch.setattr(module, "START_SECONDS", 1.0)
    monkeypatch.setattr(module, "STOP_SECONDS", 0.3)
    before = time.monotonic()
    error = call("--repo", empty, "--port", port)
    assert "did not answer" in str(error)
    assert time.monotonic() - before < 20
    assert processes_with(f"--port {port}") == []


def test_signal_handlers_are_as_before_at_the_end(empty, port, monkeypatch):
    before = [signal.getsignal(number) for number in module.ENDING]
    monkeypatch.setattr(module, "AIM", "raise SystemExit('over')")
    call("--repo", empty, "--port", port)
    assert [signal.getsignal(number) for number in module.ENDING] == before
