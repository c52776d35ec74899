"""`genrelab report`: what is written, what is escaped, what is said of a study that is not finished."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from genrelab.errors import InputError
from genrelab.files import read_json
from genrelab.plugins.registry import Registry
from genrelab.report import command
from genrelab.report.command import write_report
from genrelab.report.drawing import label
from genrelab.report.sections.confused import most_confused
from genrelab.report.sections.embeddings import TsneOptions
from genrelab.report.sections.results import _joined
from genrelab.times import TITLE
from tests.conftest import Command
from tests.report_study import HOSTILE, LONG, Plan, write_study

FAST = {"resamples": 200}
REGISTRY = Registry.discover([])


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a finished study whose audio and weights are gone; tests only read it."""
    page, _ = write_report(write_study(tmp_path_factory.mktemp("runs") / "study"), REGISTRY, **FAST)
    return page.parent


@pytest.fixture(scope="module")
def page(report: Path) -> Parsed:
    return Parsed(report / "index.html")


def test_every_part_is_there(report: Path, page: Parsed) -> None:
    for title in ("Results", "Training", "Confusion", "Most confused genres", "Embeddings", "Spectrograms"):
        assert title in page.text
    figures = {file.stem for file in (report / "figures").glob("*.svg")}
    first, second = "candidate-00", "candidate-01-with-a-rather-long-name"
    for name in ("scores", "differences", "pairs", "curves", "genre-f1", "best-so-far", "calibration", "pareto"):
        assert name in figures
    for kind in ("confusion-{}-counts", "confusion-{}-shares", "parallel-{}", "importance-{}", "slices-{}"):
        assert {kind.format(first), kind.format(second)} <= figures
    assert {f"contours-{first}", f"cross_validation-{second}"} <= figures
    assert {file.stem for file in (report / "cards").iterdir()} == {first, second}


def test_every_figure_is_a_png_and_an_svg_and_stands_in_the_page(report: Path, page: Parsed) -> None:
    names = {file.stem for file in (report / "figures").glob("*.svg")}
    assert names == {file.stem for file in (report / "figures").glob("*.png")}
    assert {f"figure-{name}" for name in names} <= {value for name, value in page.attributes if name == "id"}
    for file in (report / "figures").iterdir():
        assert file.read_bytes().startswith(b"\x89PNG" if file.suffix == ".png" else b"<?xml")
        if file.suffix == ".svg":
            ElementTree.parse(file)


def test_every_table_is_csv_and_markdown(report: Path) -> None:
    assert {f.stem for f in (report / "tables").glob("*.csv")} == {f.stem for f in (report / "tables").glob("*.md")}
    with (report / "tables/results.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    found = read_json(report / "data/comparison.json")["candidates"]
    for row in rows:
        score = found[row["candidate"]]["scores"]["f1_macro"]
        mean, low, high = (100 * score[k] for k in ("mean", "low", "high"))
        assert row["F1-macro %"] == f"{mean:.2f} ({low:.1f} to {high:.1f})"
        assert row["chosen"] == "learning_rate=0.001 dropout=0.2 hidden_dim=16 normalization=minmax"


def test_the_report_tells_where_the_time_went(report: Path, page: Parsed) -> None:
    assert TITLE in page.text
    with (report / "tables/times.csv").open(newline="") as lines:
        rows = {row["work"]: row["share"] for row in csv.DictReader(lines)}
    assert rows["train"] == "93.0%"
    assert rows["passed"] == "2.0 at once"


def test_the_verdict_comes_first_and_is_that_of_the_comparison(report: Path, page: Parsed) -> None:
    verdict = read_json(report / "data/comparison.json")["verdict"]
    assert page.text.index(verdict) < page.text.index("Test set: mean over seeds (95 % interval)")


def test_titles_and_genres_of_strangers_stay_text(report: Path, page: Parsed) -> None:
    assert "script" not in page.tags
    assert HOSTILE in page.text
    assert LONG in page.text
    assert label(HOSTILE) in page.text  # in a figure, with nothing taken for a formula
    for file in [*(report / "cards").iterdir(), *(report / "tables").glob("*.md")]:
        assert "<script" not in file.read_text()
    for file in (report / "figures").glob("*.svg"):
        assert not list(ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}script"))


def test_the_page_needs_nothing_but_itself(page: Parsed) -> None:
    links = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "srcset")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert {"link", "img", "iframe", "object"} & page.tags <= {"link"}  # of the empty icon


def test_figures_take_their_ink_from_the_page_and_share_no_identifier(report: Path, page: Parsed) -> None:
    inline = re.findall(r"<svg.*?</svg>", (report / "index.html").read_text(), re.DOTALL)
    assert len(inline) == len(list((report / "figures").glob("*.svg")))
    for svg in inline:
        assert "currentColor" in svg
        assert "#1a1b1c" not in svg
        known = set(re.findall(r'\bid="([^"]+)"', svg))
        assert set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) <= known
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_what_cannot_be_shown_is_said(page: Parsed) -> None:
    assert "candidate-00: no embeddings: " in page.text
    assert "there is no such file" in page.text
    assert "audio files are not where they were when the study ran;" in page.text
    assert "Quarantine: 2 files could not be used (2 silent)." in page.text


def test_a_card_says_what_it_is_how_good_and_how_to_make_it_again(report: Path) -> None:
    text = (report / "cards/candidate-00.md").read_text()
    found = read_json(report / "data/comparison.json")["candidates"]["candidate-00"]
    assert f"{100 * found['scores']['f1_macro']['mean']:.1f} (" in text
    assert "candidates/candidate-00/final/seed-1/best.safetensors" in text
    assert re.search(r"genrelab run \S+/study/experiment.toml --run-dir \S+/study-again", text)
    assert "git checkout abc123" in text
    for heading in ("Model", "Use", "Training", "Scores on the test set", "What to be careful about", "Made by"):
        assert f"## {heading}" in text


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.slow
def test_the_same_study_gives_the_same_bytes(report: Path) -> None:
    before = contents(report)
    write_report(report.parent, REGISTRY, **FAST)
    assert contents(report) == before


def test_an_unfinished_study_is_reported_as_far_as_it_has_come(tmp_path: Path) -> None:
    root = write_study(tmp_path / "study", Plan(candidates=1, ended=False))
    written, _ = write_report(root, REGISTRY)
    before = contents(written.parent)
    write_report(root, REGISTRY)
    assert contents(written.parent) == before
    text = Parsed(written).text
    assert "candidate-00: 0 of 2 final runs are completed" in text
    assert "No final run is completed yet" in text
    assert "no importance, slices, contours, cross-validation: the search has not ended" in text
    figures = {file.stem for file in (written.parent / "figures").glob("*.svg")}
    assert figures == {"curves", "best-so-far", "parallel-candidate-00"}


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A study that has hardly begun."""
    root = write_study(tmp_path / "study", Plan(candidates=1, ended=False))
    for folder in ("candidates", "data"):
        shutil.rmtree(root / folder)
    return root


def test_a_study_that_has_hardly_begun_is_reported(begun: Path) -> None:
    root = begun
    text = Parsed(write_report(root, REGISTRY)[0]).text
    assert "0 of 3 trials have ended, 0 of 2 final runs are completed" in text
    assert "The data is not prepared yet." in text


class TestFailure:
    def test_a_report_that_fails_leaves_the_one_before_it(
        self, begun: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_report(begun, REGISTRY)
        before = contents(begun)

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(command, "write_cards", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_report(begun, REGISTRY)
        assert contents(begun) == before

    def test_what_a_killed_report_left_is_cleared_away(self, begun: Path) -> None:
        (begun / "report.part/figures").mkdir(parents=True)
        (begun / "report.part/figures/half.svg").write_text("<svg")
        write_report(begun, REGISTRY)
        assert not (begun / "report.part").exists()
        assert not (begun / "report/figures").exists()

    def test_no_run_directory(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is no run directory"):
            write_report(tmp_path, REGISTRY)

    def test_an_unknown_genre(self, tmp_path: Path) -> None:
        root = write_study(tmp_path / "study", Plan(candidates=1, ended=False))
        with pytest.raises(InputError, match=r"no genre is called 'polka'; there are .*, genre 00"):
            write_report(root, REGISTRY, shown=["polka"])
        assert not (root / "report").exists()
        assert not (root / "report.part").exists()

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        root = write_study(tmp_path / "study", Plan(candidates=1, ended=False))
        (root / "candidates/candidate-00/search.json").write_text("{")
        with pytest.raises(InputError, match="is damaged"):
            write_report(root, REGISTRY)


def test_the_most_confused_pairs_are_shares_of_the_true_genre() -> None:
    counts = np.array([[8, 2, 0], [1, 1, 2], [0, 0, 0]])
    assert [tuple(pair) for pair in most_confused(counts)] == [(1, 2, 0.5), (1, 0, 0.25), (0, 1, 0.2)]


def test_a_bar_joins_the_largest_groups_that_cannot_be_told_apart() -> None:
    assert _joined([1.0, 1.5, 2.5, 4.0], 1.1) == [(1.0, 1.5), (1.5, 2.5)]
    assert _joined([1.0, 2.0, 3.0], 5) == [(1.0, 3.0)]
    assert _joined([1.0, 3.0], 1) == []


def test_the_command_reports_what_a_study_leaves(toy: Path, genrelab: Command) -> None:
    small = ("search.trials=1", "final.seeds=[1]", "split.train=0.4", "split.validation=0.3", "split.test=0.3")
    assert genrelab("run", "toy.toml", *[a for s in small for a in ("--set", s)]).returncode == 0
    done = genrelab("report", "runs/toy", "--genre", "low", "--iterations", "250", "--resamples", "200")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads((toy / "runs/toy/report/data/comparison.json").read_text())
    assert done.stdout.splitlines() == [found["verdict"], "report: runs/toy/report/index.html"]
    drawn = read_json(toy / "runs/toy/report/data/tsne.json")
    assert set(drawn) == {"narrow", "wide"}
    assert all(len(column) == found["test_set"]["tracks"] for column in drawn["wide"].values())
    assert set(drawn["wide"]["genre"]) <= {"low", "mid", "high"}
    text = Parsed(toy / "runs/toy/report/index.html").text
    assert "250 iterations) of the pooled embeddings, 32 dimensions" in text
    assert "Log-mel spectrograms of low." in text
    assert "Log-mel spectrograms of mid." not in text


def test_the_defaults_of_t_sne_are_those_of_the_command(genrelab: Command) -> None:
    shown = genrelab("report", "--help").stdout
    defaults = TsneOptions()
    for value in (f"{defaults.perplexity:g}", defaults.iterations, defaults.points):
        assert f"default: {value}" in shown
