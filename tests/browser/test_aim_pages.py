"""What a reviewer sees in Aim, in a real browser: every page of the review is drawn, and not as empty axes."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.written_study import CANDIDATES, write_findings, write_study

pytestmark = pytest.mark.browser

TRIALS, SEEDS = 4, (1, 2)
BOOKMARKS = ".DashboardBookmarks__list__ListItem"
LINKS = ".ProseMirror a[href]"
LONG = "e => e.getTotalLength() > 50"  # pixels


@attrs.frozen
class Dashboard:
    """A dashboard that is served."""

    address: str
    review: str
    """Path of the note."""


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """The dashboard of a study that was synced and compared, as commands do it."""
    folder = tmp_path_factory.mktemp("aim")
    write_findings(write_study(folder / "runs/study", trials=TRIALS, seeds=SEEDS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    genrelab = [sys.executable, "-u", "-m", "genrelab.cli"]
    for command in (["aim-sync", "runs/study"], ["compare", "runs/study", "--resamples", "500"]):
        subprocess.run([*genrelab, *command], cwd=folder, check=True, capture_output=True, timeout=300)
    serve = [*genrelab, "dashboard", "--port", str(port)]
    with subprocess.Popen(serve, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            lines = [server.stdout.readline() for _ in range(2)]
            _, address, review = re.findall(r"http://[\d.:]+|/experiments\S+", "".join(lines))
            yield Dashboard(address, review)
        finally:
            server.terminate()


@pytest.fixture
def page(chromium: Any, screenshots: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page that reaches this machine alone; its picture is kept under the name of the test."""
    opened = chromium.new_page(viewport={"width": 1500, "height": 950})
    opened.route(re.compile(r"^https?://(?!127\.0\.0\.1[:/])"), lambda route: route.abort())
    yield opened
    screenshots.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    opened.screenshot(path=screenshots / f"aim-{name}.png")
    opened.close()


def seen(page: Any, dashboard: Dashboard, path: str, drawn: str, count: int) -> Any:
    """Open a page until there are that many elements of a kind; Aim takes a while to index runs.

    Args:
        page: of the browser.
        dashboard: that is served.
        path: after its address.
        drawn: CSS selector of what must be drawn.
        count: how many of them.

    Returns:
        The elements.
    """
    found = page.locator(drawn)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        page.goto(dashboard.address + path)
        for _ in range(40):
            page.wait_for_timeout(250)
            if found.count() == count:
                page.wait_for_timeout(500)  # what moves comes to rest
                return found
    raise AssertionError(f"{found.count()} of {count} {drawn} in {path}")


def bookmark(page: Any, dashboard: Dashboard, title: str) -> str:
    """Click on a bookmark of the landing page; return the path to which that leads."""
    items = seen(page, dashboard, "/", BOOKMARKS, 5)
    if (skip := page.get_by_text("Skip", exact=True)).count():  # Aim invites whoever comes for the first time
        skip.click()
    items.filter(has_text=title).click()
    page.wait_for_url(re.compile(r"/\w+/[0-9a-f-]{36}"))
    return str(page.url).removeprefix(dashboard.address)


def names_all(page: Any) -> bool:
    """Tell whether the page names every candidate."""
    text = page.locator("body").inner_text()
    return all(name in text for name in CANDIDATES)


def test_landing_page(page: Any, dashboard: Dashboard) -> None:
    items = seen(page, dashboard, "/", BOOKMARKS, 5)
    assert items.first.inner_text().lower() == "validation curves by candidate"


def test_curves(page: Any, dashboard: Dashboard) -> None:
    path = bookmark(page, dashboard, "Validation curves by candidate")
    lines = seen(page, dashboard, path, "path.AggrLine", 2 * len(CANDIDATES))
    assert all(line.evaluate(LONG) for line in lines.all())
    assert page.locator("path.AggrArea").count() == lines.count()
    assert names_all(page)


def test_parallel_coordinates(page: Any, dashboard: Dashboard) -> None:
    path = bookmark(page, dashboard, "Search in parallel coordinates")
    lines = seen(page, dashboard, path, "path.Line", TRIALS * len(CANDIDATES))
    assert all(line.evaluate(LONG) for line in lines.all())
    assert page.get_by_text("search.train.log10_learning_rate").count()
    assert names_all(page)


def test_learning_rate(page: Any, dashboard: Dashboard) -> None:
    path = bookmark(page, dashboard, "Learning rate against F1-macro")
    points = seen(page, dashboard, path, "circle.Circle", TRIALS * len(CANDIDATES))
    places = {point.evaluate("e => [e.getAttribute('cx'), e.getAttribute('cy')].join()") for point in points.all()}
    assert len(places) == points.count()
    assert names_all(page)


def test_confusion_matrices(page: Any, dashboard: Dashboard) -> None:
    path = bookmark(page, dashboard, "Confusion matrices by candidate")
    images = seen(page, dashboard, path, "img[src^='data:image/png']", len(SEEDS) * len(CANDIDATES))
    assert all(image.evaluate("e => e.complete && e.naturalWidth > 200") for image in images.all())
    assert names_all(page)


def test_search_progress(page: Any, dashboard: Dashboard) -> None:
    path = bookmark(page, dashboard, "Search progress")
    lines = seen(page, dashboard, path, "path.Line", 2 * len(CANDIDATES))
    assert all(line.evaluate(LONG) for line in lines.all())
    assert names_all(page)


def test_note(page: Any, dashboard: Dashboard) -> None:
    links = seen(page, dashboard, dashboard.review, LINKS, 13)
    assert page.get_by_text("Review of study").count() == 1
    assert page.locator(".ProseMirror strong").inner_text().count("F1-macro") == 1
    assert links.count() == 13


@pytest.mark.parametrize(
    ("title", "drawn", "count"),
    [
        ("Results with intervals", ".js-plotly-plot path.point", 3 * len(CANDIDATES)),
        ("Differences between candidates", ".js-plotly-plot path.point", 1),
        ("Confusion matrices", ".js-plotly-plot .hm image", len(CANDIDATES)),
        ("t-SNE of the test tracks", ".js-plotly-plot path.point", 3 * len(CANDIDATES)),
        ("Importance of the hyperparameters", ".js-plotly-plot .barlayer .point path", 2 * len(CANDIDATES)),
        ("Slices through the search", ".js-plotly-plot path.point", 2 * 2 * len(CANDIDATES)),
        ("Parallel coordinates of the search", ".js-plotly-plot canvas.gl-canvas-context", len(CANDIDATES)),
    ],
    ids=["results", "differences", "confusion", "tsne", "importance", "slices", "parallel"],
)
def test_figure(page: Any, dashboard: Dashboard, title: str, drawn: str, count: int) -> None:
    """The note's links lead to figures that are drawn."""
    seen(page, dashboard, dashboard.review, LINKS, 13)
    link = page.get_by_role("link", name=title, exact=True)
    elements = seen(page, dashboard, link.get_attribute("href"), drawn, count)
    assert all(e.bounding_box()["width"] > 0 for e in elements.all())
