"""From a dataset to tracks: exclusion, notes, the table on disk, excerpts of one file on one side of a split."""

from __future__ import annotations

import contextlib
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelab import Collection, InputError, Track
from genrelab.config.experiment import DatasetChoice
from genrelab.data.dataset import read_dataset
from genrelab.data.splits import split_tracks
from genrelab.data.tracks import Tracks, read_tracks, write_tracks


@attrs.frozen
class Params:
    pass


@attrs.frozen
class OneDataset:
    """A registry with one dataset."""

    tracks: object

    def build(self, kind: str, name: str, params: Params) -> object:
        assert (kind, name, params) == ("dataset", "mine", Params())
        return self.tracks

    def calling(self, kind: str, name: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


TRACKS = (Track("1", Path("a.mp3"), "rock"), Track("2", Path("b.mp3"), "jazz"))


@pytest.mark.parametrize("built", [TRACKS, list(TRACKS), iter(TRACKS), Collection(TRACKS, ("a fault",))])
def test_excluded_genres_are_left_out_and_notes_are_kept(built: object) -> None:
    found = read_dataset(DatasetChoice("mine", Params(), exclude=("jazz",)), OneDataset(built))  # type: ignore[arg-type]
    assert found.tracks == TRACKS[:1]
    assert found.notes == (("a fault",) if isinstance(built, Collection) else ())


def test_a_dataset_without_tracks_is_an_error() -> None:
    with pytest.raises(InputError, match="dataset 'mine': has no tracks"):
        read_dataset(DatasetChoice("mine", Params(), exclude=("jazz", "rock")), OneDataset(TRACKS))  # type: ignore[arg-type]


# No file name holds a NUL, and UTF-8 has no lone surrogates.
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
seconds = st.floats(0, 1e9)
track = st.builds(Track, text, text.map(Path), text, text, text, text, text, seconds, seconds)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tracks=st.lists(track, max_size=4))
def test_tracks_come_back_from_the_table_as_they_were(tmp_path: Path, tracks: list[Track]) -> None:
    table = Tracks(tuple(tracks), tuple(f"{i:032x}" for i in range(len(tracks))))
    write_tracks(tmp_path / "tracks.csv", table)
    assert read_tracks(tmp_path / "tracks.csv") == table


@pytest.mark.parametrize("by", ["artist", "track"])
def test_excerpts_of_one_file_are_never_divided(by: str) -> None:
    files = [f"{number}.mp3" for number in range(40) for _ in range(5)]
    labels = ["rock" if int(file.split(".")[0]) % 2 else "jazz" for file in files]
    split = split_tracks(labels, [""] * 200, files, by=by, seed=3)  # type: ignore[arg-type]
    sides = [{files[i] for i in part} for part in (split.train, split.validation, split.test)]
    assert sum(len(side) for side in sides) == 40
    assert sum(len(part) for part in (split.train, split.validation, split.test)) == 200


@pytest.mark.parametrize("by", ["artist", "track"])
def test_files_of_one_track_each_change_nothing(by: str) -> None:
    labels = ["rock", "jazz", "folk"] * 30
    artists = [f"{i % 21}" if i % 4 else "" for i in range(90)]
    plain = split_tracks(labels, artists, by=by, seed=5)  # type: ignore[arg-type]
    named = split_tracks(labels, artists, [f"{i}.mp3" for i in range(90)], by=by, seed=5)  # type: ignore[arg-type]
    assert all((a == b).all() for a, b in zip((plain.train, plain.test), (named.train, named.test), strict=True))
