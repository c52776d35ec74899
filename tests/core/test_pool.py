"""Work spread over processes that may die."""

from __future__ import annotations

import importlib
import os

import pytest

from genrelab.data.pool import Pool
from genrelab.errors import WorkError

# In a file of its own, because worker processes must be able to import it.
WORK = """
import os, time

def start():
    pass

def square(n):
    return n * n

def square_unless_13(n):
    if n == 13:
        os._exit(1)
    time.sleep(0.01)
    return n * n

def die(n):
    os._exit(1)

def threads(n):
    return os.environ["OMP_NUM_THREADS"]
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    (folder / "some_work.py").write_text(WORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("some_work")


def test_every_item_has_its_result(work):
    found = dict(Pool(work.square, work.start, 2).results(range(50)))
    assert found == {n: n * n for n in range(50)}


def test_an_item_that_kills_its_process_has_none_and_the_others_their_result(work):
    found = list(Pool(work.square_unless_13, work.start, 2).results(range(30)))
    assert sorted(n for n, _ in found) == list(range(30))
    assert dict(found) == {n: None if n == 13 else n * n for n in range(30)}


def test_items_are_taken_as_they_are_needed(work):
    taken = []
    results = Pool(work.square, work.start, 1).results(n for n in range(1_000) if not taken.append(n))
    next(results)
    assert len(taken) <= 4
    results.close()


def test_processes_that_always_die_are_an_error_not_a_verdict_on_the_items(work):
    with pytest.raises(WorkError, match="worker processes die whatever they work on"):
        list(Pool(work.die, work.start, 1).results(range(100)))


def test_a_worker_computes_with_one_thread_and_this_process_keeps_its_setting(work, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert dict(Pool(work.threads, work.start, 1).results([0])) == {0: "1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_no_items_start_no_process():
    assert list(Pool(len, lambda: None, 1).results([])) == []  # a lambda could not be sent to one
