"""Finding the audio of a folder, with and without a manifest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genrelab import InputError
from genrelab_plugins.datasets.audio_folder import Params, build


def files(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def manifest(root: Path, *lines: str) -> Path:
    path = root / "manifest.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def ids(root: Path) -> list[str]:
    return [track.id for track in build(Params(root=str(root)))]


def test_each_subfolder_is_a_genre(tmp_path):
    files(tmp_path, "rock/b.mp3", "rock/a.wav", "jazz/disc 1/c.FLAC")
    tracks = build(Params(root=str(tmp_path)))
    assert [(t.id, t.label, t.artist, t.split) for t in tracks] == [
        ("jazz/disc 1/c.FLAC", "jazz", "", ""),
        ("rock/a.wav", "rock", "", ""),
        ("rock/b.mp3", "rock", "", ""),
    ]
    assert all(t.path == tmp_path / t.id and t.path.is_file() for t in tracks)


def test_other_and_hidden_files_are_skipped(tmp_path):
    files(tmp_path, "rock/a.mp3", "rock/cover.jpg", "rock/._a.mp3", "rock/.trash/b.mp3", ".git/c.wav", "loose.wav")
    assert ids(tmp_path) == ["rock/a.mp3"]


def test_audio_that_cannot_be_decoded_is_listed_so_that_its_quarantine_is_seen(tmp_path):
    files(tmp_path, "rock/a.m4a")
    assert ids(tmp_path) == ["rock/a.m4a"]


def test_a_genre_may_be_a_link(tmp_path):
    files(tmp_path, "elsewhere/a.wav")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "rock").symlink_to(tmp_path / "elsewhere")
    assert ids(tmp_path / "root") == ["rock/a.wav"]


@pytest.mark.parametrize("root", ["", "none"])
def test_a_missing_root_is_named(tmp_path, root):
    with pytest.raises(InputError, match="set root" if not root else str(tmp_path / root)):
        build(Params(root=str(tmp_path / root) if root else ""))


def test_a_folder_without_audio_is_an_error(tmp_path):
    files(tmp_path, "rock/cover.jpg")
    with pytest.raises(InputError, match=f"no audio in subfolders of {tmp_path}"):
        ids(tmp_path)


def test_a_genre_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    files(tmp_path, "jazz/b.wav")
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(InputError, match="jazz cannot be read: Permission denied"):
        ids(tmp_path)


def test_a_manifest_says_what_each_file_is(tmp_path):
    manifest(
        tmp_path,
        "artist,path,mood,genre,title,split",
        'The "Ünits",b/2.mp3,sad,rock,"One, Two",test',
        " , a/1.mp3 ,,jazz,,",
    )
    first, second = build(Params(root=str(tmp_path)))
    assert (first.id, first.label, first.artist, first.title, first.split) == ("a/1.mp3", "jazz", "", "", "")
    assert first.path == tmp_path / "a/1.mp3"
    assert (second.id, second.label, second.title, second.split) == ("b/2.mp3", "rock", "One, Two", "test")


def test_columns_may_have_other_names_and_a_byte_order_mark(tmp_path):
    manifest(tmp_path, "\ufefffile,class,composer", "1.mp3,jazz,Ada")
    params = Params(root=str(tmp_path), path_column="file", genre_column="class", artist_column="composer")
    [track] = build(params)
    assert (track.id, track.label, track.artist) == ("1.mp3", "jazz", "Ada")


def test_without_a_column_for_artists_they_are_unknown(tmp_path):
    manifest(tmp_path, "path,genre", "1.mp3,jazz")
    assert build(Params(root=str(tmp_path)))[0].artist == ""


@pytest.mark.parametrize("column", ["path_column", "genre_column", "artist_column"])
def test_a_column_that_was_asked_for_and_is_not_there_is_named(tmp_path, column):
    manifest(tmp_path, "path,genre,artist", "1.mp3,jazz,Ada")
    with pytest.raises(InputError, match=r"manifest\.csv: no column 'tema' \(found: path, genre, artist\)"):
        build(Params(root=str(tmp_path), **{column: "tema"}))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("/etc/1.mp3,jazz,", "leads out"),
        ("../1.mp3,jazz,", "leads out"),
        ("a/../../1.mp3,jazz,", "leads out"),
        (",jazz,", "no path"),
        ("2.mp3", "no genre"),
        ("2.mp3,,", "no genre"),
        ("2.mp3,jazz,train_1", "split 'train_1' is not one of train, validation, test"),
        ("1.mp3,jazz,", "'1.mp3' is on line 2 already"),
        ("./1.mp3,jazz,", "'1.mp3' is on line 2 already"),
    ],
)
def test_a_row_that_cannot_be_meant_is_named_by_its_line(tmp_path, row, problem):
    path = manifest(tmp_path, "path,genre,split", "1.mp3,jazz,", row)
    with pytest.raises(InputError, match="line 3") as caught:
        ids(tmp_path)
    assert problem in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"path,genre\n\xff\xfe,jazz\n", b'path,genre\n"a,jazz', b"", b"path,genre\n"])
def test_a_manifest_that_is_no_table_is_an_error(tmp_path, content):
    (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"manifest\.csv"):
        ids(tmp_path)
