"""Who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import genrelab

ROOT = Path(__file__).parents[2]
CORE, PLUGINS = ROOT / "core", ROOT / "plugins"


def imports(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (module, names) of every import statement of a file, wherever it stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", [alias.name for alias in node.names]


def files_importing(package: str, folder: Path) -> set[str]:
    return {
        str(file.relative_to(ROOT))
        for file in folder.rglob("*.py")
        for module, _ in imports(file)
        if module.split(".")[0] == package
    }


def test_plugins_import_only_the_public_names_of_the_core() -> None:
    for file in PLUGINS.rglob("*.py"):
        for module, names in imports(file):
            if module.split(".")[0] == "genrelab":
                assert module == "genrelab", f"{file}: {module}"
                assert set(names) <= set(genrelab.__all__), f"{file}: {names}"


def test_the_core_never_imports_the_plugins_that_ship() -> None:
    assert files_importing("genrelab_plugins", CORE) == set()


def test_ax_is_imported_in_one_package_of_the_core() -> None:
    assert all(name.startswith("core/genrelab/study/search/ax/") for name in files_importing("ax", CORE))
    assert files_importing("ax", PLUGINS) == set()


def test_aim_is_imported_only_by_the_aim_reporter() -> None:
    assert files_importing("aim", CORE) == set()
    assert all(
        name.startswith("plugins/genrelab_plugins/reporters/_aim") for name in files_importing("aim", PLUGINS)
    )


def test_every_public_name_exists() -> None:
    for name in genrelab.__all__:
        assert getattr(genrelab, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'modle'"):
        genrelab.modle  # noqa: B018


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["list", "--long"],
        ["show", "feature/log_mel"],
        ["check"],
        ["validate", "experiments/quickstart.toml"],
    ],
)
def test_a_light_command_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from genrelab.cli.main import main\n"
        f"sys.argv = ['genrelab', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'torchaudio', 'ax', 'aim', 'numpy', 'scipy', 'sklearn', 'matplotlib'}\n"
        "heavy &= sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
