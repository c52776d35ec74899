"""Tracks from tables of every kind, with columns of any name, and excerpts of files."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genrelab import InputError, Track
from genrelab_plugins.datasets.manifest import Params, build

Row = dict[str, object]


def delimited(file: Path, rows: list[Row], delimiter: str) -> None:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    file.write_text(text.getvalue(), "utf-8", newline="")


def json_lines(file: Path, rows: list[Row]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def parquet(file: Path, rows: list[Row]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as format_

    format_.write_table(pyarrow.Table.from_pylist(rows), file)


WRITERS: dict[str, Callable[[Path, list[Row]], None]] = {
    ".csv": lambda file, rows: delimited(file, rows, ","),
    ".tsv": lambda file, rows: delimited(file, rows, "\t"),
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".parquet": parquet,
}


def read(file: Path, **params: str) -> list[Track]:
    return build(Params(file=str(file), **params))


@pytest.mark.parametrize("ending", WRITERS)
def test_every_kind_of_table_gives_the_same_tracks(tmp_path: Path, ending: str) -> None:
    title = 'The "Ünits"'
    rows: list[Row] = [
        {"path": "b/2.mp3", "genre": "Rock / Pop", "artist": "Zoë", "album": "One, Two", "split": "test",
         "title": title, "start": 30, "duration": 15.5, "mood": "sad"},
        {"path": "a/1.mp3", "genre": "jazz", "artist": None, "album": None, "split": None,
         "title": None, "start": None, "duration": None, "mood": None},
    ]  # fmt: skip
    WRITERS[ending](tmp_path / f"tracks{ending}", rows)
    assert read(tmp_path / f"tracks{ending}") == [
        Track("a/1.mp3", tmp_path / "a/1.mp3", "jazz"),
        Track(
            "b/2.mp3@30+15.5",
            tmp_path / "b/2.mp3",
            "Rock / Pop",
            "Zoë",
            "test",
            'The "Ünits"',
            "One, Two",
            30,
            15.5,
        ),
    ]


@pytest.mark.parametrize("ending", WRITERS)
def test_columns_may_have_any_name_and_numbers_may_be_names(tmp_path: Path, ending: str) -> None:
    row: Row = {
        "datei": "1.mp3",
        "klasse": 7,
        "wer": 12,
        "werk": "x",
        "was": "y",
        "teil": "test",
        "ab": 1,
        "für": 2,
    }
    WRITERS[ending](tmp_path / f"tracks{ending}", [row])
    columns = zip(("path", "genre", "artist", "album", "title", "split", "start", "duration"), row, strict=True)
    [track] = read(tmp_path / f"tracks{ending}", **{f"{name}_column": column for name, column in columns})
    assert track == Track("1.mp3@1+2", tmp_path / "1.mp3", "7", "12", "test", "y", "x", 1.0, 2.0)


@pytest.mark.parametrize("ending", WRITERS)
def test_only_path_and_genre_are_needed_but_what_is_asked_for_must_be_there(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"tracks{ending}"
    WRITERS[ending](file, [{"path": "1.mp3", "genre": "jazz"}])
    assert [t.label for t in read(file)] == ["jazz"]
    for name in ("path", "genre", "artist", "album", "title", "split", "start", "duration"):
        with pytest.raises(InputError, match=r"no column 'tema' \(found: path, genre\)"):
            read(file, **{f"{name}_column": "tema"})


def test_paths_are_relative_to_root_if_given(tmp_path: Path) -> None:
    WRITERS[".csv"](tmp_path / "t.csv", [{"path": "1.mp3", "genre": "jazz"}])
    (tmp_path / "audio").mkdir()
    assert read(tmp_path / "t.csv", root=str(tmp_path / "audio"))[0].path == tmp_path / "audio/1.mp3"
    with pytest.raises(InputError, match=r"root .*none is not a folder"):
        read(tmp_path / "t.csv", root=str(tmp_path / "none"))


def test_one_file_may_hold_several_tracks_but_each_only_once(tmp_path: Path) -> None:
    rows: list[Row] = [{"path": "mix.mp3", "genre": "jazz", "start": s, "duration": 30} for s in (0, 30, "60.5")]
    WRITERS[".csv"](tmp_path / "t.csv", rows)
    assert [t.id for t in read(tmp_path / "t.csv")] == ["mix.mp3@0+30", "mix.mp3@30+30", "mix.mp3@60.5+30"]
    WRITERS[".csv"](tmp_path / "t.csv", [*rows, {**rows[1], "start": "30.0"}])
    with pytest.raises(InputError, match=r"line 5: 'mix\.mp3@30\+30' is on line 3 already"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1:30", "early"])
@pytest.mark.parametrize("column", ["start", "duration"])
def test_a_time_that_is_no_number_of_seconds_is_named(tmp_path: Path, column: str, value: str) -> None:
    WRITERS[".csv"](tmp_path / "t.csv", [{"path": "1.mp3", "genre": "jazz", column: value}])
    with pytest.raises(InputError, match=f"line 2: {column} '{value}' is not a number of seconds"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.jsonl", b'{"path": "1.mp3", "genre": "jazz"}\n{"path": \n', "line 2: not readable as JSON"),
        ("t.jsonl", b'["1.mp3", "jazz"]\n', "line 1: expected a JSON object"),
        ("t.jsonl", b"\xff\n", "not readable as JSON Lines"),
        ("t.jsonl", b"", "no column 'path'"),
        ("t.parquet", b"PAR1 and no more", "not readable as Parquet"),
        ("t.xlsx", b"", r"cannot read tables of this kind \(known: \.csv \.tsv"),
        ("t.tsv", b"path,genre\n1.mp3,jazz\n", r"no column 'path' \(found: path,genre\)"),
    ],
)
def test_a_file_that_is_no_such_table_is_an_error(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_missing_file_is_named(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match=f"none{ending}"):
        read(tmp_path / f"none{ending}")
    with pytest.raises(InputError, match="set file"):
        build(Params())


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        read(tmp_path / "t.parquet")


word = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8)
name = word.filter(lambda w: w not in (".", "..") and "/" not in w)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.tuples(name, word, word), min_size=1, unique_by=lambda row: row[0]))
def test_text_of_any_language_comes_back_from_every_kind_of_table(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    wanted = sorted(rows)
    table: list[Row] = [{"path": path, "genre": genre, "artist": artist} for path, genre, artist in rows]
    for ending in (".csv", ".tsv", ".jsonl"):
        WRITERS[ending](tmp_path / f"t{ending}", table)
        assert [(t.id, t.label, t.artist) for t in read(tmp_path / f"t{ending}")] == wanted
