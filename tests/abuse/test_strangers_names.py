"""Titles, genres, studies and paths that strangers have named: they stay names, wherever they are put."""

from __future__ import annotations

import ast
import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from genrelab import InputError, load
from genrelab.plugins.registry import Registry
from genrelab_plugins.reporters._aim_values import escaped
from genrelab_plugins.reporters._aim_views import figure_view, views
from tests.abuse.mutations import HOSTILE
from tests.abuse.watch import watched
from tests.use.test_export import small, write_model

MARKS = (
    "**b**",
    "[a](javascript:alert(1))",
    "![](x.png)",
    "<b>",
    "# h",
    "1. x",
    "- x",
    "http://e.org",
    "&lt;",
    "a\\",
    "~~x~~",
)
NAMES = st.one_of(st.sampled_from([*HOSTILE, *MARKS]), st.text("<>&[]()*_`!#-+.|~:/@\\'\"{}=1a \n", max_size=30))
PATHS = (
    "..",
    "../x.wav",
    "a/../../x.wav",
    "/etc/passwd",
    "\x00.wav",
    "a/../../../etc/passwd",
    "./../x.wav",
    "~/x.wav",
)


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = set[str](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(NAMES)
def test_a_note_in_aim_shows_a_name_as_it_is(name: str) -> None:
    shown = Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(f"a {escaped(name)} b"))
    assert shown.tags == {"p"}
    assert " ".join(shown.text.split()) == " ".join(f"a {name} b".replace("\0", "\ufffd").split())


@given(NAMES)
def test_a_query_for_aim_compares_with_the_name_and_does_nothing_else(name: str) -> None:
    queries = [figure_view("t", name, "results").state["query"]["form"]["simpleInput"]]
    queries += [view.state["select"]["query"] or view.state["select"]["advancedQuery"] for view in views([], name)]
    for query in queries if name else []:
        tree = ast.parse(query, mode="eval")
        assert not any(isinstance(node, ast.Call | ast.Subscript | ast.Lambda) for node in ast.walk(tree))
        compared = [
            n for n in ast.walk(tree) if isinstance(n, ast.Compare) and "run.experiment" in ast.unparse(n.left)
        ]
        assert [ast.literal_eval(n.comparators[0]) for n in compared] == [name]


@pytest.mark.parametrize(
    "path", [*PATHS, *(pytest.param(p, marks=pytest.mark.slow) for p in HOSTILE)], ids=lambda p: ascii(p)[:40]
)
def test_a_manifest_leads_nowhere_but_into_its_folder(tmp_path: Path, path: str) -> None:
    root = tmp_path / "music"
    root.mkdir()
    with (root / "manifest.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("path", "genre"), (path.replace("\0", ""), "jazz"), ("y.wav", path)])
    registry = Registry.discover()
    params = registry.get("dataset", "audio_folder").params(root=str(root))
    with watched() as deeds:
        try:
            tracks = list(registry.build("dataset", "audio_folder", params))
        except InputError:
            tracks = []
    assert all(track.path.resolve().is_relative_to(root.resolve()) for track in tracks)
    assert not [file for file in deeds.read if file.startswith(str(tmp_path)) and "manifest.csv" not in file]
    assert not deeds.ran
    assert not deeds.written


def test_programs_that_lie_beside_a_model_are_not_opened(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", small("cnn1d_gru"))
    (folder / "model.pt2").write_bytes(b"PK\x03\x04 evil")
    (folder / "model.onnx").symlink_to("/etc/passwd")
    with watched() as deeds:
        load(folder)
    assert not [file for file in deeds.read if file.endswith((".onnx", ".pt2", ".pt", "passwd"))]
    assert not deeds.ran
    assert not deeds.written
