"""Predicted genres in the tags of files."""

from __future__ import annotations

import json
import os

import mutagen
import pytest
import soundfile
from click.testing import CliRunner
from mutagen.id3 import TIT2

from genrelab import InputError, WorkError
from genrelab.cli.main import cli
from genrelab.use.tagging import JOURNAL, undo
from genrelab.use.tags import read_genre, write_genre
from tests.conftest import TOY

FORMATS = ["wav", "flac", "ogg", "opus", "mp3", "aiff"]


@pytest.fixture
def music(tone, tmp_path):
    for i, kind in enumerate(FORMATS):
        x, rate = soundfile.read(tone("source.wav", hz=300 + 400 * i))
        (tmp_path / "music/album").mkdir(parents=True, exist_ok=True)
        how = {"format": "OGG", "subtype": "OPUS"} if kind == "opus" else {}
        soundfile.write(tmp_path / f"music/album/{i}.{kind}", x, rate, **how)
    return tmp_path / "music"


def genre(file):
    """Read it by mutagen's plain interface."""
    tags = mutagen.File(file).tags
    if tags is None:
        return None
    found = tags.getall("TCON")[0].text if hasattr(tags, "getall") and tags.getall("TCON") else tags.get("genre")
    return found and [str(g) for g in found]


def tag(folder, study, *more):
    arguments = ["tag", folder, "--model", study, "--candidate", "cnn1d_gru", "--plugin", TOY / "toy.py", *more]
    return CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False)


def contents(folder):
    return {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_genre_is_written_beside_other_tags_and_taken_away_again(music, kind):
    [file] = music.rglob(f"*.{kind}")
    sound = soundfile.read(file)[0]
    write_genre(file, ["rock", "jazz"])
    assert genre(file) == ["rock", "jazz"]
    tags = mutagen.File(file)
    if hasattr(tags.tags, "getall"):
        tags.tags.add(TIT2(encoding=3, text="a title"))
    else:
        tags["title"] = "a title"
    tags.save()
    write_genre(file, ["metal"])
    assert genre(file) == ["metal"]
    assert read_genre(file).names == ("metal",)
    assert "a title" in str(mutagen.File(file).tags)
    write_genre(file, [])
    assert read_genre(file) == type(read_genre(file))((), True)
    assert (soundfile.read(file)[0] == sound).all()


def test_a_dry_run_writes_nothing(music, study):
    before = contents(music)
    done = tag(music, study, "--dry-run")
    assert done.exception is None
    assert "6 would be tagged, 0 left as they are" in done.stdout
    assert contents(music) == before


def test_all_is_tagged_told_and_undone(music, study, classifier):
    before = {f: soundfile.read(f)[0].tobytes() for f in music.rglob("*.*")}
    write_genre(music / "album/1.flac", ["polka"])
    (music / "broken.mp3").write_bytes(b"no audio" * 99)
    done = tag(music, study)
    assert "5 tagged, 2 left as they are" in done.stdout
    assert f"undo with: genrelab tag {music} --undo" in done.stdout
    model = classifier("cnn1d_gru")
    for i, kind in enumerate(FORMATS):
        file = music / f"album/{i}.{kind}"
        expected = "polka" if kind == "flac" else model.classes[int(model.predict(file).argmax())]
        assert genre(file) == [expected]
        assert soundfile.read(file)[0].tobytes() == before[file]

    again = tag(music, study)
    assert "0 tagged, 7 left as they are" in again.stdout
    done = CliRunner().invoke(cli, ["tag", str(music), "--undo"], standalone_mode=False)
    assert done.exception is None
    assert {kind: genre(music / f"album/{i}.{kind}") for i, kind in enumerate(FORMATS)} == {
        "flac": ["polka"],
        **dict.fromkeys(("wav", "mp3", "aiff", "ogg", "opus")),
    }
    assert not (music / JOURNAL).exists()
    with pytest.raises(InputError, match="nothing was tagged here"):
        list(undo(music))


def test_files_with_a_genre_are_changed_only_where_that_is_asked_for(music, study):
    for file in list(music.rglob("*.*"))[1:]:
        file.unlink()
    [file] = music.rglob("*.*")
    write_genre(file, ["polka"])
    assert "0 tagged, 1 left" in tag(music, study).stdout
    assert genre(file) == ["polka"]
    assert "0 tagged, 1 left" in tag(music, study, "--overwrite", "--at-least", "1").stdout
    assert "1 tagged" in tag(music, study, "--overwrite").stdout
    assert genre(file) != ["polka"]
    assert [s.note for s in undo(music)] == ["undone"]
    assert genre(file) == ["polka"]


def test_what_was_changed_since_is_not_undone(music, study):
    tag(music, study)
    write_genre(music / "album/0.wav", ["polka"])
    notes = {step.path: step.note for step in undo(music)}
    assert notes.pop("album/0.wav") == "was changed since"
    assert set(notes.values()) == {"undone"}
    assert genre(music / "album/0.wav") == ["polka"]
    assert [json.loads(line)["path"] for line in (music / JOURNAL).read_text().splitlines()] == ["album/0.wav"]


def test_a_kill_between_journal_and_file_is_undone_as_well(music):
    file = music / "album/0.wav"
    entry = {"path": "album/0.wav", "before": [], "after": ["rock"], "tagged": False}
    (music / JOURNAL).write_text(json.dumps(entry) + "\n" + '{"path": "album/1')  # torn by the kill
    before = file.read_bytes()
    assert [step.note for step in undo(music)] == ["undone"]
    assert file.read_bytes() == before


def test_a_failed_write_leaves_the_file_as_it_was(music, monkeypatch):
    file = music / "album/1.flac"
    before = contents(music)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mutagen.flac.FLAC, "save", full)
    with pytest.raises(WorkError, match="No space left"):
        write_genre(file, ["rock"])
    assert contents(music) == before


@pytest.mark.parametrize(
    "entry",
    [
        {"path": "../outside.wav", "before": [], "after": ["rock"], "tagged": True},
        {"path": "link.wav", "before": [], "after": ["rock"], "tagged": True},
    ],
)
def test_a_strangers_journal_changes_nothing_outside_the_folder(music, tone, entry):
    outside = tone("outside.wav")
    write_genre(outside, ["rock"])
    (music / "link.wav").symlink_to(outside)
    (music / JOURNAL).write_text(json.dumps(entry) + "\n")
    before = outside.read_bytes()
    assert [step.after for step in undo(music)] == [""]
    assert outside.read_bytes() == before


@pytest.mark.parametrize("text", ["[]\n", '{"path": 3}\n', "[" * 9999 + "\n", '{"path": "a", "more": 1}\n'])
def test_a_journal_that_is_none_is_refused(music, text):
    (music / JOURNAL).write_text(text)
    with pytest.raises(InputError, match=JOURNAL):
        list(undo(music))


def test_linked_files_and_unknown_formats_are_left_alone(music, study, tone):
    for file in list(music.rglob("*.*")):
        file.unlink()
    os.link(tone("a.wav"), music / "a.wav")
    (music / "b.wav").symlink_to(tone("b.wav"))
    (music / "c.caf").write_bytes(b"caff" * 100)
    done = tag(music, study)
    assert "1 tagged, 2 left as they are" in done.stdout
    assert (music / "b.wav").is_symlink()


def test_no_model_no_folder_no_audio(music, study, tmp_path):
    done = CliRunner().invoke(cli, ["tag", str(music)], standalone_mode=False)
    assert "--model" in str(done.exception)
    assert "is not a folder" in str(tag(tmp_path / "nowhere", study).exception)
    (tmp_path / "empty").mkdir()
    assert "no audio" in str(tag(tmp_path / "empty", study).exception)
