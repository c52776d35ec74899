"""FMA from a folder: the right tracks with the right labels, splits and artists, and clear words otherwise."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import attrs
import pandas
import pytest

from genrelab import Collection, InputError
from genrelab_plugins.datasets._fma import BAD_CLIPS
from genrelab_plugins.datasets.fma import Params, build
from tests.conftest import Command
from tests.fma_miniature import CLIPS, HEADER, write_fma, write_table


@pytest.fixture(scope="module")
def fma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fma(tmp_path_factory.mktemp("fma"))


def collect(root: Path, subset: str = "large", **params: object) -> Collection:
    return build(Params(root=str(root), subset=subset, **params))


def test_the_miniature_has_the_shape_of_the_real_table(fma: Path) -> None:
    assert len(HEADER) == 52
    table = pandas.read_csv(fma / "fma_metadata/tracks.csv", index_col=0, header=[0, 1])
    assert table.shape == (len(CLIPS), 52)
    assert table.index.name == "track_id"


@pytest.mark.parametrize(("subset", "wanted"), [("small", 7), ("medium", 12), ("large", 14)])
def test_a_subset_holds_the_smaller_ones_as_pandas_selects_them(fma: Path, subset: str, wanted: int) -> None:
    table = pandas.read_csv(fma / "fma_metadata/tracks.csv", index_col=0, header=[0, 1])
    order = pandas.CategoricalDtype(["small", "medium", "large"], ordered=True)
    table = table[table["set", "subset"].astype(order) <= subset]
    table = table[table["track", "genre_top"].notna()]
    tracks = collect(fma, subset).tracks
    assert len(tracks) == wanted
    assert [(int(t.id), t.label, int(t.artist), t.title) for t in tracks] == [
        (i, row["track", "genre_top"], row["artist", "id"], row["track", "title"])
        for i, row in table.sort_index().iterrows()
    ]


def test_tracks_have_their_file_official_split_artist_and_album(fma: Path) -> None:
    tracks = {t.id: t for t in collect(fma)}
    assert tracks["000002"].path == fma / "fma_large/000/000002.mp3"
    assert tracks["155066"].path == fma / "fma_large/155/155066.mp3"
    assert Counter(t.split for t in tracks.values()) == {"train": 6, "validation": 3, "test": 5}
    assert (tracks["000140"].artist, tracks["000140"].album, tracks["000141"].album) == ("54", "61", "")
    assert tracks["003300"].label == "Old-Time / Historic"
    present = [t.id for t in tracks.values() if t.path.is_file()]
    assert len(present) == len(tracks) - 1, "the one whose file is missing is listed, so that this is seen"


def test_tracks_without_a_top_genre_are_left_out_and_counted(fma: Path) -> None:
    assert "fma: 1 of 15 tracks of large have no top genre: left out" in collect(fma).notes
    assert not any("top genre" in note for note in collect(fma, "medium").notes)


def test_rare_genres_are_left_out_by_their_count_in_the_subset(fma: Path) -> None:
    found = collect(fma, "medium", min_tracks=4)
    assert {t.label for t in found} == {"Hip-Hop", "Old-Time / Historic"}
    assert "fma: genres with fewer than 4 tracks are left out: Folk (3)" in found.notes
    assert {t.label for t in collect(fma, min_tracks=4)} == {"Hip-Hop", "Old-Time / Historic", "Folk"}
    with pytest.raises(InputError, match="no track of small has a genre with at least 9 tracks"):
        collect(fma, "small", min_tracks=9)


def test_clips_known_to_be_faulty_are_kept_and_told(fma: Path) -> None:
    found = collect(fma, "medium")
    assert "003284" in {t.id for t in found}
    assert any("1 clips are reported to be faulty (1 undecodable)" in note for note in found.notes)
    assert not any("faulty" in note for note in collect(fma, "small").notes)


def test_the_list_of_faulty_clips_is_what_was_reported() -> None:
    with BAD_CLIPS.open(newline="") as lines:
        faults = [(int(row["track_id"]), row["fault"]) for row in csv.DictReader(lines)]
    assert len(faults) == len(set(faults)) == 2295
    assert Counter(fault for _, fault in faults) == {
        "short": 2125, "undecodable": 148, "no_audio": 15, "near_silent": 4, "distorted": 3,
    }  # fmt: skip


def test_clips_are_found_in_the_folder_of_a_larger_subset_but_not_among_whole_tracks(tmp_path: Path) -> None:
    write_table(tmp_path / "tracks.csv")
    (tmp_path / "fma_full").mkdir()
    with pytest.raises(InputError, match="fma_small") as caught:
        collect(tmp_path, "small")
    assert "fma_full" not in str(caught.value)
    (tmp_path / "fma_medium").mkdir()
    assert {t.path.parents[1].name for t in collect(tmp_path, "small")} == {"fma_medium"}
    assert {t.path.parents[1].name for t in collect(tmp_path, "full")} == {"fma_full"}
    assert not any("faulty" in note for note in collect(tmp_path, "full").notes), "the faults are the clips'"
    (tmp_path / "fma_small").mkdir()
    assert {t.path.parents[1].name for t in collect(tmp_path, "small")} == {"fma_small"}


def test_what_was_looked_for_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        collect(tmp_path, "medium")
    for text in (
        f"{tmp_path}/fma_metadata/tracks.csv",
        f"{tmp_path}/tracks.csv",
        f"--subset medium --root {tmp_path}",
    ):
        assert text in str(caught.value)
    write_table(tmp_path / "fma_metadata/tracks.csv")
    with pytest.raises(InputError, match=f"found no {tmp_path}/fma_medium nor {tmp_path}/fma_large"):
        collect(tmp_path, "medium")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not FMA's table of tracks: no column set.subset"),
        (b"id,genre\n1,Rock\n", "not FMA's table of tracks"),
        (b"\xff\xfe\n", "not readable"),
    ],
)
def test_another_table_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "fma_small").mkdir()
    (tmp_path / "tracks.csv").write_bytes(content)
    with pytest.raises(InputError, match=said):
        collect(tmp_path, "small")


def test_a_table_that_is_cut_off_or_strange_is_refused(fma: Path, tmp_path: Path) -> None:
    (tmp_path / "fma_large").mkdir()
    text = (fma / "fma_metadata/tracks.csv").read_text("utf-8")
    (tmp_path / "tracks.csv").write_text(text[: text.index("\n155066") + 20], "utf-8")
    with pytest.raises(InputError, match=r"tracks\.csv is not readable as FMA's table"):
        collect(tmp_path)
    write_table(tmp_path / "tracks.csv", (attrs.evolve(CLIPS[0], split="dev"),))
    with pytest.raises(InputError, match="track 000002: split 'dev' is not one of training, validation, test"):
        collect(tmp_path)


def test_the_limit_of_the_csv_module_is_as_before_afterwards(fma: Path) -> None:
    before = csv.field_size_limit()
    collect(fma)
    assert csv.field_size_limit() == before


def test_a_study_runs_on_the_official_split_and_tells_what_is_left_out(
    fma: Path, toy: Path, genrelab: Command
) -> None:
    text = (
        (toy / "toy.toml").read_text().replace('name = "tones"', f'name = "fma"\nroot = "{fma}"\nsubset = "large"')
    )
    text = text.replace("[audio]", 'exclude = ["Easy Listening"]\n\n[split]\nby = "official"\n\n[audio]')
    (toy / "fma.toml").write_text(text)
    changes = ("search={}", "candidate.wide.space={}", "final.seeds=[1]", "train.epochs=1")
    few = [a for change in changes for a in ("--set", change)]
    done = genrelab("run", "fma.toml", "--set", 'name="fma"', *few)
    assert done.returncode == 0, done.stderr
    with (toy / "runs/fma/data/tracks.csv").open(newline="") as lines:
        used = {row["id"]: row for row in csv.DictReader(lines)}
    assert {i for i, row in used.items() if row["split"] == "test"} == {"003302", "010666", "010667", "155066"}
    assert "020001" not in used
    assert used["000140"]["album"] == "61"
    with (toy / "runs/fma/data/quarantine.csv").open(newline="") as lines:
        assert {Path(row["path"]).stem for row in csv.DictReader(lines)} == {"003284", "098565"}
    notes = next((toy / "runs/fma").rglob("events.jsonl"), toy / "events.jsonl").read_text()
    assert "have no top genre" in notes
