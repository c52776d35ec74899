"""SIGTERM and Ctrl-C, put off."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from genrelab.interrupts import Postponed, starting_process


def test_a_second_ctrl_c_leaves_at_once() -> None:
    signals = Postponed()
    with pytest.raises(KeyboardInterrupt), signals:  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        assert signals.requested()
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            calls = "at once"
            raise
    assert calls == "at once"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_process_is_started_to_the_end_before_a_signal_takes_its_course(sent: signal.Signals) -> None:
    def end(number: int, _: object) -> None:
        raise SystemExit(number)

    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit), starting_process():  # noqa: PT012
            os.kill(os.getpid(), sent)
            process.start()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    process.join()
    assert process.exitcode == 0


def test_a_ctrl_c_in_the_terminal_does_not_reach_a_process_that_starts() -> None:
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    with starting_process():
        process.start()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 0
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
