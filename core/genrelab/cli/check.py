"""`genrelab check`: whether components load, and whether they keep the promises of their kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from genrelab.cli.experiments import PLUGIN
from genrelab.components import KINDS
from genrelab.errors import InputError, WorkError
from genrelab.plugins.registry import Registry, guess


@click.command()
@click.argument("what", required=False)
@click.option("--run", is_flag=True, help="Build them, and do what genrelab.testing checks of each kind.")
@PLUGIN
def check(what: str | None, run: bool, plugins: tuple[Path, ...]) -> None:
    """Import every component, or only KIND/NAME, and say what is wrong and how to put it right.

    Exit code 1 if anything is wrong.
    """
    registry = Registry.discover(plugins)
    keys = list(dict.fromkeys(e.key for e in registry.entries()))
    if what is not None:
        keys = [registry.entry(*_key(what)).key]
    examine = _run if run else _load
    failed = sum(not _say(key, examine, registry) for key in keys)
    if failed:
        raise WorkError(f"{failed} of {len(keys)} components are not as they should be")


def _say(key: str, examine: Callable[[Any], tuple[bool, str]], registry: Registry) -> bool:
    """Examine one component and tell what came of it; tell whether all is well."""
    try:
        well, text = examine(registry.get(*_key(key)))
    except InputError as error:
        well, text = False, f": {error}"
    click.echo(f"{'ok' if well else 'FAILED':6}  {key}{text}")
    return well


def _load(component: Any) -> tuple[bool, str]:  # noqa: ARG001 - that it is there is all
    return True, ""


def _run(component: Any) -> tuple[bool, str]:
    """Do the checks of a component; return whether all is well, and lines on those that are not ok."""
    from rich.console import Console
    from rich.progress import track

    from genrelab.testing import checks_of

    counts: Counter[str] = Counter()
    lines = []
    console = Console(stderr=True)
    checks, hidden = checks_of(component), not console.is_terminal
    for one in track(checks, component.name, console=console, transient=True, disable=hidden):
        outcome = one.outcome()
        counts[outcome.state] += 1
        if outcome.state in ("known", "skipped"):
            lines.append(f"{outcome.state} {one.name}: {outcome.message}")
        elif outcome.state == "failed":
            lines += outcome.message.splitlines()
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    return not counts["failed"], "".join([f": {told}", *(f"\n        {line}" for line in lines)])


def _key(text: str) -> tuple[str, str]:
    kind, slash, name = text.partition("/")
    if not slash or kind not in KINDS:
        raise InputError(f"{text!r} is no KIND/NAME, such as model/cnn1d_gru{guess(kind, KINDS)}")
    return kind, name
