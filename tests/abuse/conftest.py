"""What several attacks need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.abuse.forked import Server, serving

MODULES = (
    *("genrelab.cli.main", "genrelab.study.run", "genrelab.study.announce", "genrelab.training.job"),
    *("genrelab.compare.comparison", "genrelab.data.fetch.fma"),
    *("torch._dynamo", "torch.distributed.nn", "torch.fx.experimental.symbolic_shapes"),  # which a training imports
)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A process that forks commands."""
    with serving(*MODULES) as served:
        yield served
