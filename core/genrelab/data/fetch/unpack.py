"""Unpack an archive without trusting it, and check the files by the list of digests that it brings along."""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from genrelab.data.fetch.progress import Advance, bytes_bar
from genrelab.errors import WorkError

MAX_RATIO = 50
"""Bytes that may come out of one byte of an archive; tables of text reach about 10."""
CHECKSUMS = "checksums"
"""The list in each archive's folder: SHA-1, two spaces, path."""
_CHUNK = 1 << 20  # bytes
_PACKED = 1 << 14  # bytes read from an archive at once: what bzip2 makes of them (330 MB at the worst) is in memory


def members(archive: zipfile.ZipFile, folder: str) -> list[zipfile.ZipInfo]:
    """Return the files of an archive, all of which lie in one folder.

    Raises:
        WorkError: a member leads out of the folder, is a link or a device, or claims to be impossibly large.
    """
    files = [info for info in archive.infolist() if not info.is_dir()]
    packed = Path(str(archive.filename)).stat().st_size
    if sum(info.file_size for info in files) > MAX_RATIO * packed:
        raise WorkError(f"{archive.filename}: would unpack to more than {MAX_RATIO} times its size: not unpacked")
    for info in files:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if _leads_out(info.orig_filename, folder) or kind not in (0, stat.S_IFREG):
            raise WorkError(f"{archive.filename}: {info.orig_filename!r} is no file in {folder}/: not unpacked")
    return files


def unpack(archive: zipfile.ZipFile, files: list[zipfile.ZipInfo], root: Path) -> None:
    """Write those files that are not there yet with the same content; each appears under its name when whole.

    Raises:
        WorkError: the archive is broken, or a file cannot be written.
    """
    try:
        with bytes_bar("unpacking", sum(info.file_size for info in files)) as advance:
            for info in files:
                if not _same(root / info.filename, info):
                    _write(archive, info, root / info.filename)
                advance(info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WorkError(f"{archive.filename}: cannot be unpacked: {error}") from error
    except OSError as error:
        raise WorkError(f"cannot unpack {archive.filename}: {error.filename or root}: {error.strerror}") from error


def bad_files(folder: Path) -> list[str]:
    """Return what the folder's list of digests names and what is missing or different.

    Raises:
        WorkError: there is no list, or it cannot be understood.
    """
    listed = dict(_checksums(folder))
    if not listed:
        raise WorkError(f"{folder / CHECKSUMS}: lists no files")
    with bytes_bar(f"checking {folder.name}", sum(_size(folder / name) for name in listed)) as advance:
        return [name for name, digest in listed.items() if sha1(folder / name, advance) != digest]


def sha1(file: Path, advance: Advance) -> str:
    """Return the SHA-1 of a file, or an empty text where there is none."""
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        with file.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                advance(len(chunk))
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def _checksums(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield path and digest; paths are relative to the folder or to the one it is in."""
    file = folder / CHECKSUMS
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise WorkError(f"{file}: cannot be read: {error}") from error
    for number, line in enumerate(filter(None, lines), 1):
        found = re.fullmatch(r"([0-9a-fA-F]{40}) [ *](?:\./)?([^/].*)", line)
        name = found[2].removeprefix(f"{folder.name}/") if found else ""
        if not found or _leads_out(f"{folder.name}/{name}", folder.name):
            raise WorkError(f"{file}, line {number}: expected a SHA-1 and a path")
        yield name, found[1].lower()


def _leads_out(name: str, folder: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[:1] != (folder,) or len(parts) < 2 or ".." in parts or bool(re.search(r"[\\:\0]", name))


def _same(target: Path, info: zipfile.ZipInfo) -> bool:
    if _size(target) != info.file_size or not target.is_file():
        return False
    crc = 0
    with target.open("rb") as content:
        while chunk := content.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc == info.CRC


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    # zipfile gives no more than the size in the header, and checks the CRC at its end.
    with archive.open(info) as content, part.open("wb") as out:
        while chunk := content.read(_PACKED):
            out.write(chunk)
    part.replace(target)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
