"""`genrelab data`: everything about datasets; one module for each of its commands."""

from __future__ import annotations

import click

from genrelab.cli.data_audit import audit
from genrelab.cli.data_explore import explore
from genrelab.cli.data_fetch import fetch


@click.group()
def data() -> None:
    """Get datasets and look at them."""


data.add_command(fetch)
data.add_command(explore)
data.add_command(audit)
