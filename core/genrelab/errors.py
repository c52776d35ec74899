"""What genrelab raises on purpose: one root class, told to the user in one line, without a traceback."""

from __future__ import annotations

from typing import ClassVar


class GenrelabError(Exception):
    """Root of every expected failure. The message says what is wrong, where, and what to do."""

    exit_code: ClassVar[int] = 1


class WorkError(GenrelabError):
    """Work that was asked for correctly has failed (exit code 1)."""


class InputError(GenrelabError):
    """The user's input is wrong: a file, an option, a folder (exit code 2)."""

    exit_code: ClassVar[int] = 2


class DamagedError(InputError):
    """A file that genrelab has written is gone, cut short or changed since."""
