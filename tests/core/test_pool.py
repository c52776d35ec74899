"""Work spread over processes that may die."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path

import pytest

from genrelab.data.pool import Lost, Pool
from genrelab.errors import WorkError

LIMIT = 60.0  # seconds

# In a file of its own, because worker processes must be able to import it.
WORK = """
import os, signal, subprocess, threading, time

def start():
    pass

def broken():
    raise OSError("a library is missing")

def square(n):
    return n * n

def square_unless_13(n):
    if n == 13:
        os._exit(1)
    time.sleep(0.01)
    return n * n

def die(n):
    os._exit(1)

def hang_on_3(n):
    if n == 3:
        time.sleep(600)
    return n

def sleep_once(file):
    try:
        open(file, "x")
    except FileExistsError:
        return "done"
    time.sleep(600)

def die_once(file):
    try:
        open(file, "x")
    except FileExistsError:
        return "done"
    os._exit(1)

def die_when_idle(n):
    threading.Timer(0.1, os._exit, (1,)).start()
    return n

def stop_for_two_seconds(file):
    open(file, "x")
    subprocess.Popen(["sh", "-c", f"sleep 2; kill -CONT {os.getpid()}"])
    os.kill(os.getpid(), signal.SIGSTOP)
    return "done"

def threads(n):
    return os.environ["OMP_NUM_THREADS"]

def unstoppable(n):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # until it is killed
"""

# Run by every Python process at its start: all but the first take their time.
SLOW_START = """
import os, time
try:
    open(os.environ["FIRST"], "x").close()
except FileExistsError:
    time.sleep(1.5)
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    (folder / "some_work.py").write_text(WORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("some_work")


def test_every_item_has_its_result(work):
    found = dict(Pool(work.square, work.start, 2, LIMIT).results(range(50)))
    assert found == {n: n * n for n in range(50)}


def crashed(outcome):
    return isinstance(outcome, Lost) and outcome.reason == "crashed"


def test_an_item_that_kills_its_process_is_lost_and_the_others_their_result(work):
    found = list(Pool(work.square_unless_13, work.start, 2, LIMIT).results(range(30)))
    assert sorted(n for n, _ in found) == list(range(30))
    assert {n: r for n, r in found if n != 13} == {n: n * n for n in range(30) if n != 13}
    assert crashed(dict(found)[13])


@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_hangs_is_lost_after_the_limit_and_the_others_have_their_result(work, workers):
    found = list(Pool(work.hang_on_3, work.start, workers, 1.0).results(range(12)))
    assert sorted(n for n, _ in found) == list(range(12))
    outcome = dict(found)[3]
    assert outcome == Lost("timeout", "takes longer than 1 s")
    assert [r for n, r in sorted(found, key=lambda pair: pair[0]) if n != 3] == [*range(3), *range(4, 12)]


def test_an_item_whose_process_died_is_tried_again(work, tmp_path):
    file = str(tmp_path / "tried")
    assert list(Pool(work.die_once, work.start, 1, LIMIT).results([file])) == [(file, "done")]


def test_a_few_items_that_all_kill_their_process_are_lost(work):
    found = list(Pool(work.die, work.start, 1, LIMIT).results([1, 2]))
    assert [n for n, _ in found] == [1, 2]
    assert all(crashed(outcome) for _, outcome in found)


def test_a_process_that_dies_while_nothing_is_in_work_costs_nothing(work):
    def slowly():
        for n in range(3):
            yield n
            time.sleep(1.5)

    assert dict(Pool(work.die_when_idle, work.start, 1, LIMIT).results(slowly())) == {0: 0, 1: 1, 2: 2}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs to see that a process is stopped")
def test_the_time_for_which_a_process_is_stopped_does_not_count(work, tmp_path):
    file = str(tmp_path / "tried")
    assert dict(Pool(work.stop_for_two_seconds, work.start, 1, 0.6).results([file])) == {file: "done"}


def test_an_item_whose_time_is_over_is_tried_again_because_others_may_take_the_machine(work, tmp_path):
    file = str(tmp_path / "tried")
    assert dict(Pool(work.sleep_once, work.start, 1, 1.0).results([file])) == {file: "done"}


def test_processes_that_end_before_they_are_python_are_an_error(work, monkeypatch):
    list(Pool(work.square, work.start, 1, LIMIT).results([1]))  # has started what counts locks, which must live
    monkeypatch.setattr("multiprocessing.spawn._python_exe", b"/bin/false")  # a user who may not run Python
    for workers in (1, 2, 3):
        with pytest.raises(WorkError, match="worker processes cannot start"):
            list(Pool(work.square, work.start, workers, LIMIT).results(range(9)))


def test_processes_that_cannot_start_are_an_error(work):
    with pytest.raises(WorkError, match="worker processes cannot start"):
        list(Pool(work.square, work.broken, 1, LIMIT).results(range(3)))


def test_items_are_taken_as_they_are_needed(work):
    taken = []
    results = Pool(work.square, work.start, 1, LIMIT).results(n for n in range(1_000) if not taken.append(n))
    next(results)
    assert len(taken) <= 4
    results.close()


def test_processes_that_always_die_are_an_error_not_a_verdict_on_the_items(work):
    with pytest.raises(WorkError, match="worker processes die whatever they work on"):
        list(Pool(work.die, work.start, 1, LIMIT).results(range(100)))


def test_a_worker_computes_with_one_thread_and_this_process_keeps_its_setting(work, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert dict(Pool(work.threads, work.start, 1, LIMIT).results([0])) == {0: "1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_no_items_start_no_process():
    assert list(Pool(len, lambda: None, 1, LIMIT).results([])) == []  # a lambda could not be sent to one


def test_processes_still_starting_when_all_is_done_end_without_a_word(work, tmp_path, monkeypatch, capfd):
    (tmp_path / "sitecustomize.py").write_text(SLOW_START)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FIRST", str(tmp_path / "first"))
    assert list(Pool(work.unstoppable, work.start, 3, LIMIT).results([1])) == [(1, None)]
    assert capfd.readouterr().err == ""
