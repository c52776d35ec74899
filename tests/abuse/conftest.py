"""What several attacks need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.abuse.forked import Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A process that forks commands."""
    with serving("genrelab.cli.main", "genrelab.study.run", "genrelab.data.fetch.fma") as served:
        yield served
