"""Fetch FMA: its metadata and the audio of a subset (Defferrard et al., FMA, ISMIR 2017)."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
from filelock import FileLock, Timeout

from genrelab.data.fetch.download import download, remote_size
from genrelab.data.fetch.progress import bytes_bar
from genrelab.data.fetch.unpack import CHECKSUMS, bad_files, members, sha1, unpack
from genrelab.errors import InputError, WorkError
from genrelab.files import write_text


@attrs.frozen
class Archive:
    """A zip file that holds one folder of its own name."""

    name: str
    sha1: str
    unpacked: float
    """Size of the folder, as a multiple of the archive's; a little more than is needed."""


ARCHIVES = {
    "metadata": Archive("fma_metadata", "f0df49ffe5f2a6008d7dc83c6915b31835dfe733", 4.5),
    "small": Archive("fma_small", "ade154f733639d52e35e32f5593efe5be76c6d70", 1.05),
    "medium": Archive("fma_medium", "c67b69ea232021025fca9231fc1c7c1a063ab50b", 1.05),
    "large": Archive("fma_large", "497109f4dd721066b5ce5e5f250ec604dc78939e", 1.05),
    "full": Archive("fma_full", "0f0ace23fbe9ba30ecb7e95f763e435ea802b8ab", 1.05),
}
_COMPLETE = ".complete"  # in a folder whose files have all been checked: the SHA-1 of its archive


def fetch_fma(root: Path, subset: str, url: str, say: Callable[[str], None]) -> None:
    """Make a folder hold the metadata and the audio of a subset; what is there already is kept.

    An archive is downloaded (going on where an earlier call ended), compared with its published SHA-1, unpacked,
    and removed once all its files agree with the list of digests in it.

    Args:
        root: the folder, made if need be.
        subset: small, medium, large or full.
        url: address of the folder that holds the archives.
        say: gets a line for each archive.

    Raises:
        InputError: the folder cannot be written to, or another process fetches into it.
        WorkError: no connection, too little space, or an archive that is damaged or not safe to unpack.
    """
    with _alone(root):
        wanted = [ARCHIVES["metadata"], ARCHIVES[subset]]
        missing = [archive for archive in wanted if not _is_complete(root, archive)]
        addresses = {archive.name: f"{url.rstrip('/')}/{archive.name}.zip" for archive in missing}
        sizes = {name: remote_size(address) for name, address in addresses.items()}
        _check_space(root, missing, sizes)
        for archive in missing:
            _fetch(root, archive, addresses[archive.name], sizes[archive.name])
        for archive in wanted:
            say(f"{root / archive.name}: complete, all files checked")


def _fetch(root: Path, archive: Archive, url: str, size: int | None) -> None:
    file = root / f"{archive.name}.zip"
    if not file.exists():
        part = file.with_suffix(".zip.part")
        download(url, part, size)
        if not _is_right(part, archive):
            part.unlink()
            raise WorkError(f"{url}: the SHA-1 is not {archive.sha1}: damaged, and removed; run the command again")
        part.replace(file)
    elif not _is_right(file, archive):
        raise WorkError(f"{file}: the SHA-1 is not {archive.sha1}: remove the file and run the command again")
    try:
        with zipfile.ZipFile(file) as opened:
            unpack(opened, members(opened, archive.name), root)
    except zipfile.BadZipFile as error:
        raise WorkError(f"{file}: cannot be unpacked: {error}") from error
    bad = bad_files(root / archive.name)
    if bad:
        raise WorkError(f"{root / archive.name}: {len(bad)} files differ from {CHECKSUMS}, {bad[0]} among them")
    _mark(root, archive)
    file.unlink()


def _is_complete(root: Path, archive: Archive) -> bool:
    """Say whether an archive's files are all there; those that came by another way are checked once."""
    folder = root / archive.name
    if (folder / _COMPLETE).is_file():
        return (folder / _COMPLETE).read_text("utf-8").strip() == archive.sha1
    if _held(root, archive) or not (folder / CHECKSUMS).is_file() or bad_files(folder):
        return False
    _mark(root, archive)
    return True


def _mark(root: Path, archive: Archive) -> None:
    write_text(root / archive.name / _COMPLETE, f"{archive.sha1}\n")


def _is_right(file: Path, archive: Archive) -> bool:
    with bytes_bar(f"checking {archive.name}.zip", file.stat().st_size) as advance:
        return sha1(file, advance) == archive.sha1


def _check_space(root: Path, missing: Sequence[Archive], sizes: Mapping[str, int | None]) -> None:
    needed = 0.0
    for archive in missing:
        unpacked = sum(file.stat().st_size for file in (root / archive.name).rglob("*") if file.is_file())
        needed += (sizes[archive.name] or 0) * (1 + archive.unpacked) - _held(root, archive) - unpacked
    free = shutil.disk_usage(root).free
    if needed > free:
        lack = f"{_gigabytes(needed)} are needed, {_gigabytes(free)} are free"
        raise WorkError(f"{root}: {lack}; make space, or name another --root")


def _held(root: Path, archive: Archive) -> int:
    """Return how much of an archive is there, in bytes."""
    files = (root / f"{archive.name}.zip{ending}" for ending in ("", ".part"))
    return sum(file.stat().st_size for file in files if file.is_file())


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB"


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the folder against other processes that would fetch into it."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".fetch.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise InputError(f"{root}: another process fetches into this folder") from None
    except OSError as error:
        raise InputError(f"cannot write to {root}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
