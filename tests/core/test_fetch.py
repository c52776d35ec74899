"""Fetching FMA from a server of our own: resumed, checked, unpacked safely, and told in one line where it fails."""

from __future__ import annotations

import hashlib
import shutil
import stat
import subprocess
import sys
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from genrelab import GenrelabError, InputError, WorkError
from genrelab.cli.data import data
from genrelab.data.fetch import download as downloading
from genrelab.data.fetch import fma
from genrelab.data.fetch.download import download, remote_size
from genrelab_plugins.datasets.fma import Params, build
from tests.conftest import Command
from tests.fma_miniature import write_checksums, write_fma, zip_folder
from tests.http_server import Server, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(downloading, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A miniature of FMA and its archives; tests only read it."""
    root = write_fma(tmp_path_factory.mktemp("original"), "small")
    for name in ("fma_metadata", "fma_small"):
        zip_folder(root / name, root / f"{name}.zip")
    return root


@pytest.fixture
def served(server: Server, original: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server with the archives, whose SHA-1s are those that are expected."""
    for file in original.glob("*.zip"):
        serve(server, file.name, file.read_bytes(), monkeypatch)
    return server


def serve(server: Server, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files[name] = content
    subset = name.removeprefix("fma_").removesuffix(".zip")
    archive = attrs.evolve(fma.ARCHIVES[subset], sha1=hashlib.sha1(content).hexdigest())
    monkeypatch.setitem(fma.ARCHIVES, subset, archive)


def fetch(root: Path, server: Server) -> list[str]:
    said: list[str] = []
    fma.fetch_fma(root, "small", server.url, said.append)
    return said


def content(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != ".complete")
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def assert_complete(root: Path, original: Path) -> None:
    for name in ("fma_metadata", "fma_small"):
        assert content(root / name) == content(original / name)
    assert [file.name for file in root.iterdir() if file.name.startswith("fma_")] != []
    assert not list(root.rglob("*.zip*"))
    assert not list(root.rglob("*.part"))
    assert len(build(Params(root=str(root))).tracks) == 7


def test_what_is_fetched_is_the_original_and_the_dataset_reads_it(
    served: Server, original: Path, tmp_path: Path
) -> None:
    said = fetch(tmp_path / "fma", served)
    assert_complete(tmp_path / "fma", original)
    assert [line.split(":")[0] for line in said] == [f"{tmp_path}/fma/fma_{n}" for n in ("metadata", "small")]


def test_a_second_call_asks_the_server_nothing(served: Server, original: Path, tmp_path: Path) -> None:
    fetch(tmp_path, served)
    served.asked.clear()
    served.files.clear()
    fetch(tmp_path, served)
    assert served.asked == []
    assert_complete(tmp_path, original)


def test_a_transfer_that_breaks_goes_on_where_it_broke(served: Server, original: Path, tmp_path: Path) -> None:
    served.breaks_after = 20_000
    fetch(tmp_path, served)
    assert_complete(tmp_path, original)
    starts = range(0, len(served.files["fma_small.zip"]), downloading.CHUNK)
    wanted = [wanted for name, wanted in served.asked if name == "fma_small.zip"]
    assert wanted == ["", *(f"bytes={start}-" for start in starts[1 : len(wanted)])]
    assert len(wanted) > 3


def test_what_an_earlier_call_got_is_not_asked_for_again(served: Server, original: Path, tmp_path: Path) -> None:
    (tmp_path / "fma_small.zip.part").write_bytes(served.files["fma_small.zip"][:30_000])
    fetch(tmp_path, served)
    assert ("fma_small.zip", "bytes=30000-") in served.asked
    assert_complete(tmp_path, original)


@pytest.mark.parametrize("wrong", [{"ranges": False}, {"shift": 7}])
def test_a_server_that_cannot_go_on_makes_it_begin_anew(
    served: Server, original: Path, tmp_path: Path, wrong: dict[str, int]
) -> None:
    (tmp_path / "fma_small.zip.part").write_bytes(b"something else" * 1000)
    for name, value in wrong.items():
        setattr(served, name, value)
    fetch(tmp_path, served)
    assert_complete(tmp_path, original)


def test_a_server_that_tells_no_size_is_read_to_its_end(served: Server, original: Path, tmp_path: Path) -> None:
    served.length = False
    (tmp_path / "fma_small.zip.part").write_bytes(b"x" * 100)
    fetch(tmp_path, served)
    assert_complete(tmp_path, original)


def test_a_server_that_sends_nothing_more_is_given_up_and_what_was_got_is_kept(
    served: Server, tmp_path: Path
) -> None:
    file = tmp_path / "fma_small.zip.part"
    file.write_bytes(served.files["fma_small.zip"][:1000])
    served.status = 503
    with pytest.raises(WorkError, match=r"the server answers 503.*; 1,000 bytes are kept"):
        download(f"{served.url}/fma_small.zip", file, 5000)
    assert len(served.asked) == downloading.ATTEMPTS
    assert file.stat().st_size == 1000


def test_a_server_that_sends_less_than_it_announced_is_given_up(served: Server, tmp_path: Path) -> None:
    size = len(served.files["fma_small.zip"])
    with pytest.raises(WorkError, match=f"sends less than it announced; {size:,} bytes are kept"):
        download(f"{served.url}/fma_small.zip", tmp_path / "a.part", size + 1)


def test_a_download_larger_than_the_original_begins_anew(served: Server, tmp_path: Path) -> None:
    wanted = served.files["fma_small.zip"]
    (tmp_path / "a.part").write_bytes(b"x" * (len(wanted) + 1))
    download(f"{served.url}/fma_small.zip", tmp_path / "a.part", remote_size(f"{served.url}/fma_small.zip"))
    assert (tmp_path / "a.part").read_bytes() == wanted


def test_another_sha1_is_refused_and_the_next_call_begins_anew(
    served: Server, original: Path, tmp_path: Path
) -> None:
    whole = served.files["fma_small.zip"]
    served.files["fma_small.zip"] = whole[:-500] + bytes(500)
    with pytest.raises(WorkError, match=r"fma_small\.zip: the SHA-1 is not .*damaged"):
        fetch(tmp_path, served)
    assert not (tmp_path / "fma_small").exists()
    served.files["fma_small.zip"] = whole
    fetch(tmp_path, served)
    assert_complete(tmp_path, original)


def test_an_archive_that_lies_there_is_used_if_it_is_the_right_one(
    served: Server, original: Path, tmp_path: Path
) -> None:
    (tmp_path / "fma_small.zip").write_bytes(b"another")
    with pytest.raises(WorkError, match="remove the file"):
        fetch(tmp_path, served)
    shutil.copy(original / "fma_small.zip", tmp_path)
    served.asked.clear()
    fetch(tmp_path, served)
    assert served.asked == []
    assert_complete(tmp_path, original)


def test_files_that_came_by_another_way_are_checked_and_kept(
    served: Server, original: Path, tmp_path: Path
) -> None:
    shutil.copytree(original / "fma_small", tmp_path / "fma_small")
    fetch(tmp_path, served)
    assert {name for name, _ in served.asked} == {"fma_metadata.zip"}
    assert_complete(tmp_path, original)


def test_a_missing_and_a_damaged_file_are_replaced_and_others_left_alone(
    served: Server, original: Path, tmp_path: Path
) -> None:
    shutil.copytree(original / "fma_small", tmp_path / "fma_small")
    one, two, three = sorted((tmp_path / "fma_small").rglob("*.mp3"))[:3]
    one.unlink()
    two.write_bytes(bytes(two.stat().st_size))
    before = three.stat().st_ino
    fetch(tmp_path, served)
    assert_complete(tmp_path, original)
    assert three.stat().st_ino == before


def test_a_file_that_differs_from_the_archives_own_list_is_an_error(
    server: Server, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made/fma_metadata"
    shutil.copytree(original / "fma_metadata", folder)
    (folder / "tracks.csv").write_text("other")
    zip_folder(folder, tmp_path / "made.zip")
    serve(server, "fma_metadata.zip", (tmp_path / "made.zip").read_bytes(), monkeypatch)
    serve(server, "fma_small.zip", b"", monkeypatch)
    with pytest.raises(WorkError, match=r"fma_metadata: 1 files differ from checksums, tracks\.csv among them"):
        fetch(tmp_path / "fma", server)


@pytest.mark.parametrize("style", ["{0}  ./{1}\n", "{0} *fma_metadata/{1}\n", "{0}  ./fma_metadata/{1}\n"])
def test_lists_in_the_other_styles_of_sha1sum_are_read(original: Path, tmp_path: Path, style: str) -> None:
    folder = tmp_path / "fma_metadata"
    shutil.copytree(original / "fma_metadata", folder)
    lines = [line.split("  ") for line in (folder / "checksums").read_text().splitlines()]
    (folder / "checksums").write_text("".join(style.format(*line) for line in lines))
    assert fma.bad_files(folder) == []
    (folder / "tracks.csv").unlink()
    assert fma.bad_files(folder) == ["tracks.csv"]


@pytest.mark.parametrize(
    "text", ["", "0123  a.mp3\n", f"{'0' * 40}  ../../etc/passwd\n", f"{'0' * 40}  /etc/passwd\n"]
)
def test_a_list_that_cannot_be_meant_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "checksums").write_text(text)
    with pytest.raises(WorkError, match="checksums"):
        fma.bad_files(tmp_path)


class TestHostileArchives:
    @pytest.fixture(
        params=[
            *("../evil", "fma_metadata/../../evil", "fma_metadata/../evil", "/tmp/evil", "evil", "other/evil"),
            *("fma_metadata", "C:\\evil", "fma_metadata\\..\\evil"),
        ]
    )
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def attack(self, server: Server, archive: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        serve(server, "fma_metadata.zip", archive.read_bytes(), monkeypatch)
        serve(server, "fma_small.zip", b"", monkeypatch)
        with pytest.raises(WorkError) as caught:
            fetch(root, server)
        assert "\n" not in str(caught.value)
        unpacked = [f.name for f in root.parent.rglob("*") if f.is_file() and f.suffix != ".zip"]
        assert set(unpacked) <= {".fetch.lock", "secret"}, "nothing is unpacked, nor written elsewhere"
        return str(caught.value)

    def test_a_name_that_leads_out_of_its_folder(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("fma_metadata/good", "good")
            archive.writestr(name, "evil")
        assert "is no file in fma_metadata/" in self.attack(
            server, tmp_path / "a.zip", tmp_path / "fma", monkeypatch
        )
        assert not Path("/tmp/evil").exists()

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
    def test_a_link_or_a_device(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int
    ) -> None:
        (tmp_path / "secret").write_text("secret")
        link = zipfile.ZipInfo("fma_metadata/tracks.csv")
        link.external_attr = (kind | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(link, str(tmp_path / "secret"))
        assert "is no file" in self.attack(server, tmp_path / "a.zip", tmp_path / "fma", monkeypatch)

    def test_a_bomb(self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("fma_metadata/tracks.csv", bytes(20_000_000))
        said = self.attack(server, tmp_path / "a.zip", tmp_path / "fma", monkeypatch)
        assert "more than 50 times its size" in said

    def test_a_bomb_that_lies_about_its_size(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as archive:
            archive.writestr("fma_metadata/tracks.csv", bytes(20_000_000))
        content = (tmp_path / "a.zip").read_bytes()
        lie = content.replace((20_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
        assert lie != content
        (tmp_path / "a.zip").write_bytes(lie)
        serve(server, "fma_metadata.zip", lie, monkeypatch)
        serve(server, "fma_small.zip", b"", monkeypatch)
        with pytest.raises(WorkError, match="cannot be unpacked: Bad CRC-32"):
            fetch(tmp_path / "fma", server)
        assert sum(f.stat().st_size for f in (tmp_path / "fma/fma_metadata").rglob("*")) <= 100
        assert not (tmp_path / "fma/fma_metadata/tracks.csv").exists()

    @pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
    def test_something_that_is_no_archive_of_fma(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
    ) -> None:
        (tmp_path / "a.zip").write_bytes(content)
        said = self.attack(server, tmp_path / "a.zip", tmp_path / "fma", monkeypatch)
        assert "fma_metadata" in said


class TestTrouble:
    def test_too_little_space_is_told_before_anything_is_downloaded(
        self, served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = namedtuple("usage", "total used free")
        free = len(served.files["fma_small.zip"]) + len(served.files["fma_metadata.zip"])
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, free))
        with pytest.raises(WorkError, match=r"0\.0 GB are needed, 0\.0 GB are free; make space"):
            fetch(tmp_path, served)
        assert served.asked == []

    def test_what_is_there_already_needs_no_space(
        self, served: Server, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = namedtuple("usage", "total used free")
        packed = {name: len(content) for name, content in served.files.items()}
        needed = 5.5 * packed["fma_metadata.zip"] + 2.05 * packed["fma_small.zip"]
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, needed - 900))
        with pytest.raises(WorkError, match="make space"):
            fetch(tmp_path, served)
        (tmp_path / "fma_small.zip.part").write_bytes(served.files["fma_small.zip"][:1000])
        fetch(tmp_path, served)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 0))
        fetch(tmp_path, served)
        assert_complete(tmp_path, original)

    def test_a_disk_that_is_full_in_between_is_told_in_one_line(self, served: Server) -> None:
        with pytest.raises(WorkError, match=r"cannot write /dev/full: No space left on device"):
            download(f"{served.url}/fma_small.zip", Path("/dev/full"), 10**9)

    def test_a_folder_that_cannot_be_written_is_told(self, served: Server, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match=f"cannot write to {tmp_path}/file/fma"):
            fetch(tmp_path / "file/fma", served)

    def test_two_calls_at_once_are_refused(self, served: Server, tmp_path: Path) -> None:
        from filelock import FileLock

        with FileLock(tmp_path / ".fetch.lock"), pytest.raises(InputError, match="another process fetches"):
            fetch(tmp_path, served)

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            ("http://127.0.0.1:9", "the server cannot be reached"),
            ("http://no-such-host.invalid", "the server cannot be reached"),
            ("not an address", "not%20an%20address|not an address"),
        ],
    )
    def test_no_network_is_one_clear_line_at_once(
        self, server: Server, tmp_path: Path, url: str, said: str
    ) -> None:
        with pytest.raises(GenrelabError, match=said) as caught:
            fma.fetch_fma(tmp_path, "small", url, print)
        assert "\n" not in str(caught.value)

    def test_an_archive_that_the_server_lacks_is_named(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(WorkError, match=r"fma_metadata\.zip: the server answers 404"):
            fetch(tmp_path, server)


def test_a_call_that_was_killed_goes_on(served: Server, original: Path, tmp_path: Path) -> None:
    served.breaks_after = 20_000
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from genrelab.data.fetch import download, fma\n"
        "download.PAUSE = 0\n"
        "download.time.sleep = lambda s: os.kill(os.getpid(), 9)\n"
        f"fma.fetch_fma(Path({str(tmp_path)!r}), 'small', {served.url!r}, print)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert killed.returncode == -9, killed.stderr
    parts = list(tmp_path.glob("*.part"))
    assert len(parts) == 1
    assert parts[0].stat().st_size == downloading.CHUNK
    served.breaks_after = 0
    fetch(tmp_path, served)
    assert (parts[0].name.removesuffix(".part"), f"bytes={downloading.CHUNK}-") in served.asked
    assert_complete(tmp_path, original)


def test_an_unpacking_that_was_killed_goes_on(
    served: Server, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = []

    def killed_at_the_sixth(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
        writes.append(target)
        if len(writes) == 6:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(f"{target.name}.part").write_bytes(b"half")
            raise KeyboardInterrupt
        write(archive, info, target)

    from genrelab.data.fetch import unpack

    write = unpack._write
    monkeypatch.setattr(unpack, "_write", killed_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, served)
    served.asked.clear()
    fetch(tmp_path, served)
    assert served.asked == [], "the archive is there"
    assert_complete(tmp_path, original)
    assert len(writes) == len(set(writes)) + 1, "no file is written twice but the one that was cut off"


def test_the_command_fetches_and_says_so_and_shows_no_bar_without_a_terminal(
    served: Server, original: Path, tmp_path: Path
) -> None:
    arguments = ["fetch", "fma", "--subset", "small", "--root", str(tmp_path), "--url", served.url]
    done = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{tmp_path / name}: complete, all files checked" for name in ("fma_metadata", "fma_small")
    ]
    assert done.stderr == ""
    assert_complete(tmp_path, original)


def test_the_command_ends_in_one_line_where_there_is_no_network(genrelab: Command, tmp_path: Path) -> None:
    done = genrelab("data", "fetch", "fma", "--url", "http://127.0.0.1:9", "--root", tmp_path / "fma")
    assert done.returncode == 1
    said = "the server cannot be reached, or broke off; check the network"
    assert done.stderr == f"error: cannot download http://127.0.0.1:9/fma_metadata.zip: {said}\n"


def test_the_help_names_the_subsets_and_imports_nothing_heavy(genrelab: Command) -> None:
    done = genrelab("data", "fetch", "--help")
    assert done.returncode == 0
    assert "small|medium|large|full" in done.stdout


def test_the_list_of_the_miniature_is_like_that_of_sha1sum(original: Path, tmp_path: Path) -> None:
    shutil.copytree(original / "fma_small", tmp_path / "fma_small")
    write_checksums(tmp_path / "fma_small")
    done = subprocess.run(["sha1sum", "--check", "--quiet", "checksums"], cwd=tmp_path / "fma_small")
    assert done.returncode == 0
