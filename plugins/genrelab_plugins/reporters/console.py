"""Tell the progress of a study on stderr: live in a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from genrelab import Reporter, hookimpl

if TYPE_CHECKING:
    from genrelab_plugins.reporters._console_reporter import ConsoleReporter


@attrs.frozen
class Params:
    """Nothing to set."""


def build(params: Params) -> ConsoleReporter:  # noqa: ARG001
    """Return a reporter that writes to stderr."""
    from rich.console import Console

    from genrelab_plugins.reporters._console_reporter import ConsoleReporter

    return ConsoleReporter(Console(stderr=True))


@hookimpl
def provide_reporters() -> list[Reporter]:
    """Provide the reporter ``console``."""
    return [Reporter("console", Params, build)]
