"""A clock that counts the time in which this process is not stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from genrelab.awake import Awake, is_stopped, ticking


class Machine:
    """Stands for the machine's clock."""

    now = 100.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr("genrelab.awake.time.monotonic", lambda: machine.now)
    return machine


def test_what_is_looked_at_often_counts_and_of_a_stop_a_second(machine: Machine) -> None:
    clock = Awake()
    for _ in range(10):
        machine.now += 0.5
        clock()
    assert clock() == 5.0
    machine.now += 7 * 3600
    assert clock() == 6.0
    assert clock() == 6.0


def test_a_thread_looks_within_a_context_and_then_ends() -> None:
    before = threading.active_count()
    with ticking() as clock:
        time.sleep(2)
        assert clock() > 1  # as much as would count if nobody had looked
    assert threading.active_count() == before


@pytest.fixture
def child() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as process:
        yield process.pid
        process.kill()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
def test_a_stopped_process_is_told_from_others(child: int) -> None:
    assert not is_stopped(child)
    os.kill(child, signal.SIGSTOP)
    os.waitid(os.P_PID, child, os.WSTOPPED)
    assert is_stopped(child)
    os.kill(child, signal.SIGCONT)
    os.waitid(os.P_PID, child, os.WCONTINUED)
    assert not is_stopped(child)


def test_one_that_is_gone_is_not_stopped() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not is_stopped(process.pid)
