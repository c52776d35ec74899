"""Download a file over HTTP so that any interruption costs only what was in flight.

`requests` does the transfer; pooch and parfive begin anew after an interruption, and pypdl appends what a server
sends without looking at which part it is, so going on is done here: with Range, as the server answers.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import BinaryIO

import requests

from genrelab.data.fetch.progress import Advance, bytes_bar
from genrelab.errors import WorkError

ATTEMPTS = 5
"""Transfers in a row that break without a byte before it is given up."""
PAUSE = 1.0
"""Seconds before the second attempt; twice as long before each further one."""
TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two packets."""
CHUNK = 1 << 14
"""Bytes written at once: what a broken connection loses at the most."""
_PLAIN = {"Accept-Encoding": "identity"}  # the bytes of the file, so that they can be counted


def remote_size(url: str) -> int | None:
    """Return the size of a file in bytes, None where the server does not tell.

    Raises:
        WorkError: the server cannot be reached, or has no such file.
    """
    try:
        with requests.head(url, headers=_PLAIN, allow_redirects=True, timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            length = answer.headers.get("Content-Length")
    except requests.RequestException as error:
        raise WorkError(f"cannot download {url}: {_reason(error)}") from error
    return int(length) if length else None


def download(url: str, file: Path, size: int | None) -> None:
    """Append to a file what it lacks of the one at an address; begin anew where the server cannot go on.

    Args:
        url: where from.
        file: what an earlier call got, or nothing yet.
        size: bytes in all; None where unknown: then what an earlier call got is not used.

    Raises:
        WorkError: the transfer breaks again and again, or the file cannot be written. What was got is kept.
    """
    try:
        with file.open("ab") as out:
            if size is None or out.tell() > size:
                _empty(out)
            with bytes_bar(file.stem, size, out.tell()) as advance:
                _persist(url, out, size, advance)
    except OSError as error:
        raise WorkError(f"cannot write {file}: {error.strerror}; the same command goes on from there") from error


def _persist(url: str, out: BinaryIO, size: int | None, advance: Advance) -> None:
    """Transfer until all is there; go on after a break, unless nothing comes any more."""
    failures = 0
    while size is None or out.tell() < size:
        before = out.tell()
        try:
            _transfer(url, out, advance)
            if size is None:
                return
            if out.tell() <= before:
                raise requests.RequestException("the server sends less than it announced")
            failures = 0
        except requests.RequestException as error:
            failures = 1 if out.tell() > before else failures + 1
            refused = error.response is not None and error.response.status_code < 500
            if refused or failures >= ATTEMPTS:
                got = f"{out.tell():,} bytes are kept, the same command goes on from there"
                raise WorkError(f"cannot download {url}: {_reason(error)}; {got}") from error
            time.sleep(PAUSE * 2 ** (failures - 1))


def _transfer(url: str, out: BinaryIO, advance: Advance) -> None:
    """Append what the server sends from the end of the file on."""
    wanted = out.tell()
    headers = _PLAIN | ({"Range": f"bytes={wanted}-"} if wanted else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        answer.raise_for_status()
        start = _first_byte(answer)
        if start != wanted:
            advance(-wanted)
            _empty(out)
        if start not in (0, wanted):
            raise requests.RequestException("the server sends another part than it was asked for")
        for chunk in answer.iter_content(CHUNK):
            out.write(chunk)
            out.flush()
            advance(len(chunk))


def _first_byte(answer: requests.Response) -> int:
    """Return where in the file the answer begins: at 0 where the server knows no ranges."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if answer.status_code == 206 and found else 0


def _empty(out: BinaryIO) -> None:
    out.seek(0)
    out.truncate()


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached, or broke off; check the network"
    return str(error)
