"""CSV files opened in a spreadsheet: nothing that strangers wrote is computed, what genrelab reads is unchanged."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelab.components import Track
from genrelab.csv_files import read_csv, write_csv
from genrelab.data.tracks import Tracks, read_tracks, write_tracks
from genrelab.use.rows import Row, csv_lines

FORMULAS = ("=1+1", '=HYPERLINK("http://x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "\r=1", "-x.wav")
LITERAL = ("'=1+1", "''", "'90s", "O'Neil", "a=b", "", " =1")
NUMBERS = ("-1.5", "+3.0", "-", "1e-5", "-0.3 (-1.2 to 0.6)", "-12.1***")


def cells(file: Path) -> list[str]:
    with file.open(newline="", encoding="utf-8") as lines:
        return [cell for row in csv.reader(lines) for cell in row]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "table.csv"


def test_formulas_are_written_as_text_and_numbers_as_numbers(file: Path) -> None:
    write_csv(file, ("a",), [[text] for text in (*FORMULAS, *NUMBERS, -0.5, *LITERAL)])
    assert cells(file)[1:] == [*(f"'{f}" for f in FORMULAS), *NUMBERS, "-0.5", "''=1+1", *LITERAL[1:]]
    assert [row["a"] for row in read_csv(file)] == [*FORMULAS, *NUMBERS, "-0.5", *LITERAL]


@given(st.text(st.sampled_from("'=+-@\t\r\n,\"1.e(ax "), max_size=8))
def test_every_text_comes_back_and_none_is_a_formula(file: Path, text: str) -> None:
    write_csv(file, ("a", "b"), [["x", text]])
    assert read_csv(file) == [{"a": "x", "b": text}]
    written = cells(file)[-1]
    assert not written.startswith(("=", "@", "\t", "\r"))
    assert not written.startswith(("+", "-")) or not any(c in written for c in "=@ax\t\r\n")


def test_tracks_keep_their_titles_and_paths(tmp_path: Path) -> None:
    tracks = tuple(Track(f, Path(f), f, f, "test", f, f) for f in (*FORMULAS, *LITERAL[:-2]))
    write_tracks(tmp_path / "tracks.csv", Tracks(tracks, FORMULAS + LITERAL[:-2]))
    assert read_tracks(tmp_path / "tracks.csv").tracks == tracks
    assert not [cell for cell in cells(tmp_path / "tracks.csv") if cell.startswith(("=", "+", "@"))]


def test_predictions_are_no_formulas_either() -> None:
    row = Row("=1+1.wav", 0.0, 0, (), "undecodable", "@SUM(1)")
    header, line = csv_lines([row], ["-x"])
    assert header.startswith("path,")
    assert line.startswith("'=1+1.wav,")
    assert "'@SUM(1)" in line
