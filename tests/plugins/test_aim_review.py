"""The review in Aim: figures, note, bookmarks. What its pages make of them is tested in a browser."""

from __future__ import annotations

import base64
import json
import sqlite3
import urllib.parse
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from genrelab import Compared, StudyStart
from genrelab.cli.compare import conclude
from genrelab.files import read_json
from genrelab.plugins.registry import Registry
from genrelab.times import Times
from genrelab_plugins.reporters import _aim_figures as figures
from genrelab_plugins.reporters._aim_studies import searched
from genrelab_plugins.reporters._aim_views import View, figure_view, views
from tests.written_study import CANDIDATES, GENRES, POINTS, analysis, write_findings, write_study


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study and everything that a review can show; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs")
    study = write_study(folder / "study", trials=1)
    write_findings(study)
    compared(study)
    return folder


def compared(study: Path) -> None:
    """Compare a study that is in Aim."""
    from genrelab_plugins.reporters._aim_repo import open_repo

    open_repo(study.parent)
    assert "F1-macro" in conclude(study, Registry.discover(), Times())


def drawn(runs: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """What Aim's page of figures gets: name and candidate -> JSON."""
    from aim.sdk.repo import Repo

    repo = Repo.from_path(str(runs))
    repo._recreate_index()
    [review] = [run for run in repo.iter_runs() if run.name == "review"]
    found = review.collect_sequence_info(("figures",))["figures"]
    return {(i["name"], *i["context"].values()): json.loads(i["values"]["last"].data) for i in found}


def notes(runs: Path) -> list[str]:
    with closing(sqlite3.connect(runs / ".aim/run_metadata.sqlite")) as tables:
        return [text for (text,) in tables.execute("select content from note order by id")]


def test_every_figure_there_is_data_for_is_drawn(runs: Path) -> None:
    of_candidates = ("confusion", "parallel", "slices", "tsne")
    whole = {("results",), ("differences",), ("importance",)}
    assert set(drawn(runs)) == whole | {(name, c) for name in of_candidates for c in CANDIDATES}


def test_figures_are_made_of_lists(runs: Path) -> None:
    """Arrays become base64, which Aim's old plotly.js draws as empty axes."""
    for spec in drawn(runs).values():
        assert spec["data"]
        assert "bdata" not in json.dumps(spec)


def test_what_has_no_data_is_left_out(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", trials=0)
    compared(study)
    assert {name for name, *_ in drawn(tmp_path)} == {"results", "differences", "confusion"}
    assert "t\\-SNE" not in notes(tmp_path)[0]


def test_figures_show_the_numbers_of_the_comparison(runs: Path) -> None:
    comparison = read_json(runs / "study/comparison.json")
    gru, _ = figures.results(comparison)["data"]
    f1 = comparison["candidates"]["gru"]["scores"]["f1_macro"]
    assert gru["y"] == [["accuracy", "F1-weighted", "F1-macro"], ["gru"] * 3]
    assert gru["x"][2] == pytest.approx(100 * f1["mean"])
    assert gru["x"][2] + gru["error_x"]["array"][2] == pytest.approx(100 * f1["high"])
    assert gru["x"][2] - gru["error_x"]["arrayminus"][2] == pytest.approx(100 * f1["low"])
    apart, alike = figures.differences(comparison)["data"]
    assert [*apart["y"], *alike["y"]] == ["gru - lstm"]


def test_confusion_matrices_are_those_of_all_final_runs(runs: Path) -> None:
    results = [read_json(f) for f in (runs / "study/candidates/gru/final").glob("*/result.json")]
    first, second = (r["confusion"]["test"] for r in results)
    [cells] = drawn(runs)["confusion", "gru"]["data"]
    together = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(first, second, strict=True)]
    assert cells["text"] == [[str(n) for n in row] for row in together]
    assert all(sum(row) == pytest.approx(1) for row in cells["z"])


def test_texts_of_strangers_are_no_markup() -> None:
    spec = figures.embedding("gru", POINTS)
    assert "<" not in json.dumps(spec)
    assert [trace["name"].split()[-1] for trace in spec["data"]] == ["(33.3%)", "(66.7%)"]
    assert "<" not in json.dumps(figures.confusion("gru", [[1, 0, 0]] * 3, GENRES))


def test_parallel_coordinates_are_of_completed_trials() -> None:
    spec = figures.parallel("gru", analysis())
    assert spec
    rate, cell, _, loss = spec["data"][0]["dimensions"]
    assert (rate["label"], rate["values"]) == ("log10 train.learning_rate", [-1, -2, -3])
    assert (cell["values"], cell["ticktext"]) == ([0, 1, 0], ["gru", "lstm"])
    assert (loss["label"], loss["values"]) == ("loss", [2.0, 3.0, 4.0])


def test_a_search_without_a_model_has_no_figures_of_one() -> None:
    poor = analysis(importance=None, slices={}, trials=[])
    assert figures.importance({"gru": poor}) is None
    assert figures.slices("gru", poor) is None
    assert figures.parallel("gru", poor) is None


def test_the_note_has_verdict_links_and_nothing_that_breaks_the_page(runs: Path) -> None:
    from genrelab_plugins.reporters._aim_values import escaped

    [note] = notes(runs)
    comparison = read_json(runs / "study/comparison.json")
    assert note.startswith("# Review of study\n\n**")
    for said in (comparison["verdict"], *(p["sentence"] for p in comparison["pairs"]), *comparison["notes"]):
        assert escaped(said) in note
    assert note.count("](/figures?") == 7
    assert not {line[0] for line in note.splitlines() if line} - set("#*-")  # no table, no image


def test_a_comparison_of_a_study_that_is_not_in_aim_makes_no_repository(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", trials=0, seeds=(1,))
    assert "F1-macro" in conclude(study, Registry.discover(), Times())
    assert not (tmp_path / ".aim").exists()


def test_another_comparison_replaces_note_and_figures_and_leaves_notes_of_users(tmp_path: Path) -> None:
    from genrelab_plugins.reporters._aim_mirror import Mirror

    study = write_study(tmp_path / "study", trials=0)
    compared(study)
    with closing(sqlite3.connect(tmp_path / ".aim/run_metadata.sqlite")) as tables, tables:
        tables.execute("insert into note (content, experiment_id) select 'mine', experiment_id from note")
    comparison = {**read_json(study / "comparison.json"), "verdict": "gru_1 is better."}
    comparison["candidates"]["gru"]["scores"]["accuracy"]["mean"] = 0.125
    mirror = Mirror(tmp_path)
    mirror.take(Compared("study", study, comparison))
    mirror.close()
    ours, users = notes(tmp_path)
    assert r"**gru\_1 is better\.**" in ours
    assert users == "mine"
    assert drawn(tmp_path)["results",]["data"][0]["x"][0] == 12.5


class TestViews:
    def decoded(self, view: View) -> dict[str, Any]:
        """What Aim's page reads from a link."""
        parts = dict(part.split("=", 1) for part in view.path.partition("?")[2].split("&"))
        texts = {k: base64.urlsafe_b64decode(v.removeprefix("O-") + "==").decode() for k, v in parts.items()}
        return {k: json.loads(urllib.parse.unquote(v)) for k, v in texts.items()}

    def test_links_hold_the_whole_state(self) -> None:
        for view in (*views(["search.model.dropout"], "stüdy"), figure_view("t", "stüdy", "tsne")):
            assert self.decoded(view) == json.loads(json.dumps(view.state))

    def test_axes_are_what_is_searched(self) -> None:
        space = {"train.learning_rate": {}, "augment.mask.width": {}}
        found = searched({"search": {"space": space}})
        assert found == ("search.train.log10_learning_rate", "search.augment.mask.width")
        options = [o["key"] for v in views(found) if v.page == "params" for o in v.state["select"]["options"]]
        assert options[1:3] == list(found)
        assert searched({}) == ()
        chosen = {"model.name": {}, "model.gru.width": {}, "augment.mask.width": {}}
        assert searched({"search": {"space": chosen}}) == ("search.model.name", "search.augment.mask.width")

    def test_a_study_is_named_in_every_query(self) -> None:
        for view in views([], 'a"b'):
            select = view.state["select"]
            assert 'run.experiment == "a\\"b"' in select["query"] + select["advancedQuery"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .aim of a repository with bookmarks."""
    from genrelab_plugins.reporters._aim_bookmarks import prepare_review

    root = tmp_path_factory.mktemp("bookmarks")
    assert prepare_review(root) == {}
    return root / ".aim"


class TestBookmarks:
    def rows(self, folder: Path) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(folder / "aim_db")) as tables:
            joined = "dashboards d join explore_states s on s.dashboard_id = d.uuid"
            wanted = f"select d.name, s.type, d.is_archived, d.description from {joined} order by d.updated_at"
            return tables.execute(wanted).fetchall()

    def change(self, folder: Path, statement: str) -> None:
        with closing(sqlite3.connect(folder / "aim_db")) as tables, tables:
            tables.execute(statement)

    def test_there_are_five_of_kinds_that_aim_can_open(self, folder: Path) -> None:
        pages = [page for _, page, *_ in self.rows(folder)]
        assert pages == ["metrics", "params", "scatters", "images", "metrics"]

    def test_users_keep_theirs_and_what_they_have_deleted_stays_deleted(self, folder: Path) -> None:
        from genrelab_plugins.reporters._aim_bookmarks import keep_bookmarks

        self.change(folder, "update dashboards set is_archived = 1 where name = 'Search progress'")
        self.change(folder, "insert into dashboards (uuid, name, is_archived) values ('u', 'mine', 0)")
        self.change(folder, "insert into explore_states (uuid, type, dashboard_id) values ('s', 'metrics', 'u')")
        before = self.rows(folder)
        keep_bookmarks(folder, views([]))
        assert self.rows(folder) == before
        assert ("mine", "metrics", 0, None) in before

    def test_one_that_is_out_of_date_is_replaced(self, folder: Path) -> None:
        from genrelab_plugins.reporters._aim_bookmarks import keep_bookmarks

        keep_bookmarks(folder, views([]))
        keep_bookmarks(folder, views(["search.model.dropout"]))
        named = [name for name, *_ in self.rows(folder) if "parallel" in name]
        assert len(named) == 1

    def test_axes_are_those_that_all_studies_search(self, tmp_path: Path) -> None:
        from genrelab_plugins.reporters._aim_bookmarks import common
        from genrelab_plugins.reporters._aim_studies import remember, studies

        both = ["model.dropout", "train.batch_size"]
        for key, time, names in (("a", 1.0, both), ("b", 2.0, both[1:])):
            experiment = {"search": {"space": {name: {} for name in names}}}
            remember(tmp_path, key, StudyStart(key, tmp_path, experiment, {}, [], [], 1, time=time))
        assert [s.name for s in studies(tmp_path)] == ["b", "a"]
        assert common(studies(tmp_path)) == ["search.train.batch_size"]
        assert common([attrs.evolve(s, searched=()) for s in studies(tmp_path)]) == common([]) == []
