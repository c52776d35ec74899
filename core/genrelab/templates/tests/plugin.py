"""The plugin keeps the promises of its kind; add tests of what only it promises."""

from pathlib import Path

from genrelab.testing import Check, parametrize_with_checks

PLUGIN = Path(__file__).with_name("my_plugin.py")


@parametrize_with_checks(PLUGIN)
def test_my_plugin_keeps_its_promises(check: Check) -> None:
    check()
