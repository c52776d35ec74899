"""A line in a file for each training that ends: this line is what `genrelab list` shows."""

from pathlib import Path

import attrs
from genrelab import Reporter, StudyStart, TrialEnd, hookimpl, setting


@attrs.frozen
class Params:
    """What is set but never searched."""

    file: str = setting("my_reporter.txt", help="where to write to")


class MyReporter:
    """Listens to what it has methods for; docs/hooks.md has all of them and what events hold."""

    def __init__(self, params: Params) -> None:
        self.file = Path(params.file)

    @hookimpl
    def on_study_start(self, event: StudyStart) -> None:
        self._write(f"{event.study}: {event.trials} trainings, {event.done} of them done before")

    @hookimpl
    def on_trial_end(self, event: TrialEnd) -> None:
        loss = event.metrics.get("validation", {}).get("loss")  # a training that failed has no metrics
        self._write(f"{event.trial.name} {event.status} after {event.epochs} epochs, validation loss {loss}")

    def _write(self, line: str) -> None:
        with self.file.open("a", encoding="utf-8") as out:
            out.write(line + "\n")


@hookimpl
def provide_reporters() -> list[Reporter]:
    return [Reporter("my_reporter", Params, MyReporter)]
