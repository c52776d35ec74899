"""The console reporter: lines, bars, and names that hold anything."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from genrelab import EpochEnd, StudyEnd, StudyStart, TrialEnd, TrialRef, TrialStart
from genrelab_plugins.reporters import console
from genrelab_plugins.reporters._console_reporter import ConsoleReporter
from genrelab_plugins.reporters._console_text import clean, duration
from genrelab_plugins.reporters._console_view import View

HERE = Path()


def ref(candidate="gru", number=0, stage="search"):
    return TrialRef("toy", candidate, stage, number)


def start(trials=4, done=0, notes=(), candidates=("gru", "lstm")):
    return StudyStart("toy", HERE, {}, {}, list(candidates), ["a", "b"], trials, done, notes)


def begin(trial, epochs=10):
    return TrialStart(trial, HERE, {}, {}, epochs)


def epoch(trial, number, **values):
    return EpochEnd(trial, number, {"train": {"loss": 9.0}, "validation": values}, 1e-3, 1.0, 0.0)


def end(trial, f1=0.5, status="completed", message=""):
    values = {"validation": {"loss": 0.25, "f1_macro": f1}}
    return TrialEnd(trial, status, message, epochs=10, best_epoch=8, metrics=values, seconds=34)


def lines_of(events):
    out = io.StringIO()
    reporter = ConsoleReporter(Console(file=out, width=40))
    hooks = {
        StudyStart: reporter.on_study_start,
        TrialStart: reporter.on_trial_start,
        EpochEnd: reporter.on_epoch_end,
        TrialEnd: reporter.on_trial_end,
        StudyEnd: reporter.on_study_end,
    }
    for event in events:
        hooks[type(event)](event)
    return out.getvalue()


def drawn(view, width=120):
    console = Console(file=io.StringIO(), width=width)
    console.print(view)
    return console.file.getvalue()


def test_without_a_terminal_each_training_is_one_plain_line():
    events = [
        start(done=1),
        begin(ref()),
        epoch(ref(), 1, loss=1.0),
        end(ref()),
        StudyEnd("toy", HERE, "completed"),
    ]
    assert lines_of(events).splitlines() == [
        "study toy: 4 trainings (1 done before) of gru, lstm",
        "gru/trial-000 completed: 10 epochs, best 8, val loss 0.2500, val F1-macro 0.500, 34 s",
    ]


def test_a_failed_training_says_why():
    failed = TrialEnd(ref(), "failed", "loss is not finite in epoch 3", epochs=2, seconds=7)
    text = lines_of([start(), begin(ref()), failed])
    assert text.splitlines()[-1] == "gru/trial-000 failed: 2 epochs, 7 s: loss is not finite in epoch 3"


def test_notes_on_the_data_are_told_as_warnings():
    assert "warning: 3 clips are silent\n" in lines_of([start(notes=["3 clips are silent"])])


@given(st.text(min_size=1), st.text())
def test_a_name_or_message_of_any_characters_is_one_line(name, message):
    text = lines_of([start(candidates=[name]), begin(ref(name)), end(ref(name), status="failed", message=message)])
    assert len(text.splitlines()) == 2
    assert all(char.isprintable() for char in text.replace("\n", ""))


def test_markup_in_names_is_shown_as_it_is():
    assert "[/red]hip-hop[bold]" in lines_of([start(candidates=["[/red]hip-hop[bold]"])])
    view = View(total=1, done=0)
    view.begin(begin(ref("[/red]")))
    assert "[/red]/trial-000" in drawn(view)


def test_in_a_terminal_bars_are_drawn_and_removed():
    out = io.StringIO()
    screen = Console(file=out, width=100, force_terminal=True, force_interactive=True)
    reporter = ConsoleReporter(screen)
    reporter.on_study_start(start())
    reporter.on_trial_start(begin(ref()))
    reporter.on_epoch_end(epoch(ref(), 3, loss=0.5, f1_macro=0.25))
    reporter._live.refresh()
    assert "3/10" in out.getvalue()
    reporter.on_trial_end(end(ref()))
    reporter.on_study_end(StudyEnd("toy", HERE, "completed"))
    assert "gru/trial-000 completed" in out.getvalue()
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")  # the cursor is back


def test_the_view_shows_trainings_that_run_with_their_scores():
    view = View(total=8, done=2)
    for trial in (ref("gru"), ref("lstm")):
        view.begin(begin(trial))
    view.advance(epoch(ref("lstm"), 4, loss=0.7, f1_macro=0.42))
    text = drawn(view)
    assert "lstm/trial-000" in text
    assert "4/10 loss 0.7000, F1-macro 0.420" in text
    assert "2/8" in text
    view.end(end(ref("lstm")))
    assert "3/8" in drawn(view)
    assert "4/10" not in drawn(view)


def test_the_view_keeps_the_best_of_each_candidate_in_the_search():
    view = View(total=8, done=0)
    for trial, f1 in (
        (ref("gru", 0), 0.6),
        (ref("gru", 1), 0.5),
        (ref("lstm", 0), 0.4),
        (ref("gru", 0, "final"), 0.9),
    ):
        view.end(end(trial, f1))
    assert view.best == {"gru": (0.6, "gru/trial-000"), "lstm": (0.4, "lstm/trial-000")}
    assert "best of gru: F1-macro 0.600 (gru/trial-000)" in drawn(view)


def test_the_time_left_counts_epochs_and_not_what_was_done_before():
    view = View(total=6, done=2, started=0.0)
    assert view.pace(now=50.0) == ""
    view.begin(begin(ref("gru", 0)))
    view.advance(epoch(ref("gru", 0), 5))
    view.end(end(ref("lstm", 0)))  # 1.5 trainings in 90 s, 2.5 left
    assert view.pace(now=90.0) == "60.0 an hour, 2 min left"


def test_interrupted_trainings_are_not_done():
    view = View(total=6, done=0)
    view.end(end(ref(), status="interrupted"))
    assert view.ended == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (99, "99 s"), (719, "12 min"), (3599, "1 h 0 min"), (12000, "3 h 20 min")]
)
def test_durations_are_said_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_escape_sequences_cannot_reach_the_terminal():
    assert clean("a\x1b[2Jb\nc") == "a [2Jb c"


def test_the_component_builds():
    (component,) = console.provide_reporters()
    assert component.name == "console"
    assert isinstance(component.build(component.params()), ConsoleReporter)
