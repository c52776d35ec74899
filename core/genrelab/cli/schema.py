"""`genrelab schema`: by it an editor completes and checks experiment files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from genrelab.cli.experiments import PLUGIN
from genrelab.files import write_text
from genrelab.plugins.registry import Registry


@click.command()
@PLUGIN
@click.option("--output", type=click.Path(path_type=Path), help="Where to write it.  [default: stdout]")
def schema(plugins: tuple[Path, ...], output: Path | None) -> None:
    """Write the JSON schema of experiment files, with the plugins that are installed."""
    from genrelab.config.schema import experiment_schema

    text = json.dumps(experiment_schema(Registry.discover(plugins)), indent=1) + "\n"
    if output:
        write_text(output, text)
    else:
        click.echo(text, nl=False)
