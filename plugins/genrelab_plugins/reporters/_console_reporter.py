"""The console reporter: one line for each training that ends, in a terminal above live bars."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.text import Text

from genrelab import EpochEnd, StudyEnd, StudyStart, TrialEnd, TrialStart, hookimpl
from genrelab_plugins.reporters._console_text import clean, summary
from genrelab_plugins.reporters._console_view import View

STYLES = {"completed": "", "stopped": "dim", "failed": "red", "diverged": "red", "interrupted": "yellow"}


class ConsoleReporter:
    """Writes to a rich console; bars only where it is interactive."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._view = View(total=0, done=0)
        self._live: Live | None = None

    @hookimpl
    def on_study_start(self, event: StudyStart) -> None:
        """Say what will run and what to know of the data."""
        before = f" ({event.done} done before)" if event.done else ""
        self._line(f"study {event.study}: {event.trials} trainings{before} of {', '.join(event.candidates)}")
        for note in event.notes:
            self._line(f"warning: {note}", "yellow")
        self._view = View(total=event.trials, done=event.done)
        if self._console.is_interactive:
            # stdout is left alone: it may be a file
            self._live = Live(self._view, console=self._console, transient=True, redirect_stdout=False)
            self._live.start()

    @hookimpl
    def on_trial_start(self, event: TrialStart) -> None:
        """Show the training's bar."""
        self._view.begin(event)

    @hookimpl
    def on_epoch_end(self, event: EpochEnd) -> None:
        """Move the training's bar."""
        self._view.advance(event)

    @hookimpl
    def on_trial_end(self, event: TrialEnd) -> None:
        """Say how the training ended."""
        self._view.end(event)
        self._line(summary(event), STYLES[event.status])

    @hookimpl
    def on_study_end(self, event: StudyEnd) -> None:  # noqa: ARG002
        """Remove the bars."""
        if self._live:
            self._live.stop()
        self._live = None

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(clean(text), style=style), soft_wrap=True)
