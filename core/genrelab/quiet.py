"""What others' code says to its own developers, unsaid."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Ignore warnings, and log records up to a level."""
    logging.disable(level)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
