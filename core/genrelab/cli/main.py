"""The `genrelab` command. Modules that need torch are imported by the commands that need them."""

from __future__ import annotations

import io
import signal
import sys
from typing import NoReturn

import click

from genrelab import __version__
from genrelab.cli.aim_sync import aim_sync
from genrelab.cli.check import check
from genrelab.cli.compare import compare
from genrelab.cli.dashboard import dashboard
from genrelab.cli.data import data
from genrelab.cli.experiments import run, validate
from genrelab.cli.export import export
from genrelab.cli.new import new
from genrelab.cli.plugins import list_components, show
from genrelab.cli.predict import predict
from genrelab.cli.report import report
from genrelab.cli.runs import runs
from genrelab.cli.schema import schema
from genrelab.cli.tag import tag
from genrelab.errors import GenrelabError
from genrelab.files import how_to_go_on
from genrelab.texts import printable


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="genrelab")
def cli() -> None:
    """Compare neural architectures that classify the genre of music: declared in TOML, tested honestly."""


_COMMANDS = (
    *(list_components, show, check, new, schema),
    *(validate, run, runs, compare, report),
    *(predict, export, tag, data, dashboard, aim_sync),
)

for command in _COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line: exit 0 if all is well, 1 if work has failed, 2 if the input is wrong.

    What is expected to go wrong is told in one line; a traceback is a bug of genrelab.
    """
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # one that is closed is None
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack letters that names have
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except GenrelabError as error:
        _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        _fail(error.format_message(), 2, prefix="")
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; the same command goes on from here", 130)
    except BrokenPipeError:  # the reader of a pipe has had enough
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if not error.strerror:  # raised by Python code: a bug
            raise
        _fail(how_to_go_on(error), 1)


def _terminated(*_: object) -> NoReturn:
    click.echo("terminated; the same command goes on from here", err=True)
    sys.exit(143)


def _fail(message: str, code: int, prefix: str = "error: ") -> NoReturn:
    click.echo(prefix + printable(message), err=True)
    sys.exit(code)
