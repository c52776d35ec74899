"""The plugin keeps the promises of its kind; add tests of what only it promises."""

import tempfile
from pathlib import Path

from genrelab.testing import Check, parametrize_with_checks

PLUGIN = Path(__file__).with_name("my_plugin.py")
MUSIC = Path(tempfile.mkdtemp())
for name in ("rock/Ada - One.wav", "jazz/Bea - Two.wav"):
    (MUSIC / name).parent.mkdir()
    (MUSIC / name).touch()


@parametrize_with_checks(PLUGIN, root=str(MUSIC))
def test_my_plugin_keeps_its_promises(check: Check) -> None:
    check()
