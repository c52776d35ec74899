"""GTZAN in its layouts, with the lists that make a fair split of it, and its known faults told."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrelab import Collection, InputError
from genrelab_plugins.datasets._gtzan import FAULTY, GENRES, LAYOUTS
from genrelab_plugins.datasets.gtzan import Params, build

LISTS = {"train_list": "train.txt", "validation_list": "valid.txt", "test_list": "test.txt"}


def gtzan(folder: Path, *excerpts: str) -> Path:
    for excerpt in excerpts:
        file = folder / excerpt.split(".")[0] / excerpt
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return folder


def collect(root: Path, **params: str) -> Collection:
    return build(Params(root=str(root), **params))


@pytest.mark.parametrize("ending", [".wav", ".au", ".mp3", ".ogg", ".WAV"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_circulating_layout_gives_the_same_ids(tmp_path: Path, layout: str, ending: str) -> None:
    gtzan(tmp_path / layout, f"jazz.00001{ending}", f"blues.00000{ending}", "blues.00000.png")
    tracks = collect(tmp_path).tracks
    assert [(t.id, t.label, t.split, t.artist) for t in tracks] == [
        ("blues.00000", "blues", "", ""),
        ("jazz.00001", "jazz", "", ""),
    ]
    assert tracks[1].path == tmp_path / layout / f"jazz/jazz.00001{ending}"


def test_a_name_without_the_first_dot_is_the_same_excerpt(tmp_path: Path) -> None:
    gtzan(tmp_path, "pop.00003.wav").joinpath("pop/pop00004.wav").touch()
    assert [t.id for t in collect(tmp_path)] == ["pop.00003", "pop.00004"]


def test_an_excerpt_in_two_formats_is_refused_since_it_would_leak(tmp_path: Path) -> None:
    gtzan(tmp_path, "pop.00003.wav", "pop.00003.mp3")
    with pytest.raises(InputError, match=r"two files: .*pop\.00003\.mp3 and .*pop\.00003\.wav"):
        collect(tmp_path)


def test_lists_decide_the_split_and_what_is_used(tmp_path: Path) -> None:
    gtzan(tmp_path, "blues.00000.au", "blues.00029.au", "jazz.00001.au", "rock.00002.au")
    (tmp_path / "train.txt").write_text("blues/blues.00029.wav\r\njazz/jazz.00001.wav\r\n\r\n")
    (tmp_path / "valid.txt").write_text("blues.00000.au\n")
    (tmp_path / "test.txt").write_text("disco/disco.00009.mp3\n")
    found = collect(tmp_path, **LISTS)
    assert {t.id: t.split for t in found} == {
        "blues.00000": "validation", "blues.00029": "train", "jazz.00001": "train",
    }  # fmt: skip
    assert found.notes == ("gtzan: 3 of 4 listed excerpts are there; 1 others left out",)


def test_lists_may_lie_elsewhere(tmp_path: Path) -> None:
    root = gtzan(tmp_path / "root", "blues.00000.au")
    for file in LISTS.values():
        (tmp_path / file).write_text("blues/blues.00000.au\n" if file == "train.txt" else "")
    found = collect(root, **{name: str(tmp_path / file) for name, file in LISTS.items()})
    assert [t.split for t in found] == ["train"]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"train.txt": "blues.00000", "valid.txt": "x\n", "test.txt": ""}, "valid.txt, line 1: 'x'"),
        (
            {"train.txt": "blues.00000", "valid.txt": "", "test.txt": "\nblues.00000"},
            "line 2: blues.00000 is in train",
        ),
        ({"train.txt": "blues.00000", "valid.txt": ""}, "cannot read the list .*test.txt"),
        ({"train.txt": "blues.000000", "valid.txt": "", "test.txt": ""}, "train.txt, line 1"),
    ],
)
def test_a_list_that_cannot_be_meant_is_named(tmp_path: Path, lists: dict[str, str], said: str) -> None:
    gtzan(tmp_path, "blues.00000.au")
    for file, text in lists.items():
        (tmp_path / file).write_text(text)
    with pytest.raises(InputError, match=said):
        collect(tmp_path, **LISTS)


def test_one_list_alone_is_refused(tmp_path: Path) -> None:
    gtzan(tmp_path, "blues.00000.au")
    with pytest.raises(InputError, match="train_list, validation_list, test_list, or none"):
        collect(tmp_path, test_list="test.txt")


def test_artists_come_from_a_file(tmp_path: Path) -> None:
    gtzan(tmp_path, "blues.00000.au", "blues.00001.au", "jazz.00001.au")
    (tmp_path / "artists.csv").write_text('blues/blues.00000.wav,"Hooker, John Lee"\njazz.00001\tMonk\n', "utf-8")
    found = collect(tmp_path, artist_list="artists.csv")
    assert [t.artist for t in found] == ["Hooker, John Lee", "", "Monk"]
    assert not any("artists are unknown" in note for note in found.notes)


def test_the_known_faults_are_told_and_nothing_is_left_out_for_them(tmp_path: Path) -> None:
    gtzan(tmp_path, "jazz.00054.wav", "jazz.00033.wav", "jazz.00041.wav", "metal.00058.wav", "rock.00000.wav")
    found = collect(tmp_path)
    assert len(found.tracks) == 5
    assert [note.split(":")[1] for note in found.notes] == [
        " 5 of 1,000 excerpts are there",
        " 2 excerpts are known to repeat others or to be distorted; use fault-filtered lists",
        " jazz.00054 is corrupt in most copies; where it cannot be decoded it is left out",
        " artists are unknown",
    ]


def test_the_faulty_excerpts_are_those_that_torchaudio_leaves_out() -> None:
    lists = pytest.importorskip("torchaudio.datasets.gtzan")
    kept = {*lists.filtered_train, *lists.filtered_valid, *lists.filtered_test}
    every = {f"{genre}.{number:05d}" for genre in GENRES for number in range(100)}
    assert {f"{genre}.{number:05d}" for genre, numbers in FAULTY.items() for number in numbers} == every - kept


def test_a_folder_without_genres_or_without_excerpts_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="set root"):
        build(Params())
    with pytest.raises(InputError, match=f"blues, .* in {tmp_path}, {tmp_path}/genres, {tmp_path}/genres_original"):
        collect(tmp_path)
    gtzan(tmp_path, "blues.png")
    with pytest.raises(InputError, match=r"no files like blues/blues\.00000\.wav"):
        collect(tmp_path)
