"""The HTML report in a real browser: it opens from disk, asks nobody for anything and fits the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genrelab.plugins.registry import Registry
from genrelab.report.command import write_report
from tests.report_study import HOSTILE, Plan, write_study

pytestmark = pytest.mark.browser
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "is_mobile": True},
}


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study of 16 genres and 6 candidates, with names that are code."""
    root = write_study(tmp_path_factory.mktemp("runs") / "study", Plan(genres=16, candidates=6, trials=20, seeds=5))
    return write_report(root, Registry.discover([]), resamples=200)[0]


@pytest.fixture(params=SCREENS)
def opened(request: pytest.FixtureRequest, chromium: Any, page_file: Path, screenshots: Path) -> Iterator[Any]:
    """The page on one kind of screen; at the end it must have neither complained nor asked for anything."""
    said: list[str] = []
    context = chromium.new_context(**SCREENS[request.param])
    page = context.new_page()
    page.on("console", lambda message: said.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda asked: said.append(f"request: {asked.url}"))
    page.goto(page_file.as_uri())
    yield page
    page.screenshot(path=screenshots / f"report-{request.param}.png", full_page=True)
    context.close()
    assert said == [f"request: {page_file.as_uri()}"]


def test_everything_is_drawn_and_fits_the_screen(opened: Any, page_file: Path) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    figures = opened.locator("figure svg")
    assert figures.count() == len(list((page_file.parent / "figures").glob("*.svg")))
    for box in (figures.nth(i).bounding_box() for i in range(figures.count())):
        assert box["width"] > 150
        assert box["height"] > 40


def test_text_of_figures_contrasts_with_the_page(opened: Any) -> None:
    ink, ground = opened.evaluate(
        """() => [getComputedStyle(document.querySelector('#figure-scores svg text')).fill,
                  getComputedStyle(document.body).backgroundColor]"""
    )
    assert contrast(ink, ground) > 7  # WCAG 2.1, level AAA


def test_names_that_are_code_are_shown_and_not_run(opened: Any) -> None:
    assert opened.locator("td", has_text=HOSTILE).count() > 0
    assert opened.locator("script").count() == 0


def test_it_prints(chromium: Any, page_file: Path, screenshots: Path) -> None:
    page = chromium.new_page()
    page.goto(page_file.as_uri())
    pdf = page.pdf(path=screenshots / "report.pdf", format="A4")
    page.close()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") > 5


CLUTTER = """() => {
    const boxes = (root) => [...root.querySelectorAll('svg text')].map(t => t.getBoundingClientRect());
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
                        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
    return [...document.querySelectorAll('section > .blocks > figure')].map(figure => {
        const texts = boxes(figure).filter(box => box.width);
        return {name: figure.id, smallest: Math.min(...texts.map(box => Math.min(box.width, box.height))),
                meeting: texts.filter((a, i) => texts.slice(i + 1).some(b => meet(a, b))).length};
    });
}"""
"""Of each figure that is not folded up: how high its smallest text is, in pixels, and how many texts overlap."""


def test_a_study_of_fifty_candidates_is_readable(chromium: Any, tmp_path: Path, screenshots: Path) -> None:
    root = write_study(tmp_path / "study", Plan(genres=6, candidates=50, trials=0, seeds=2))
    file, _ = write_report(root, Registry.discover([]), resamples=200)
    page = chromium.new_context(**SCREENS["desktop"]).new_page()
    page.goto(file.as_uri())
    page.screenshot(path=screenshots / "report-fifty.png", full_page=True, timeout=120_000)
    found = {figure["name"]: figure for figure in page.evaluate(CLUTTER)}
    texts = page.locator(".verdict").inner_text(), page.locator("body").inner_text()
    tables = page.evaluate("[...document.querySelectorAll('.table table')].map(t => t.rows[0].cells.length)")
    page.close()
    assert found.keys() >= {f"figure-{name}" for name in ("scores", "differences", "pairs", "genre-f1", "curves")}
    assert not {name for name, figure in found.items() if figure["meeting"] or figure["smallest"] < 7}
    assert len(texts[0]) < 400
    assert "Shown are the 12 of 50 candidates" in texts[1]
    assert max(tables) < 15


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two CSS colours ``rgb(r, g, b)``, 1 to 21 (WCAG 2.1)."""

    def luminance(color: str) -> float:
        channels = [int(c) / 255 for c in color[color.index("(") + 1 : -1].split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
