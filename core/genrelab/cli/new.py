"""`genrelab new`: a plugin or an experiment that works, to be changed into what its author has in mind."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from genrelab import __version__
from genrelab.cli.new_experiment import write_experiment
from genrelab.components import KINDS
from genrelab.errors import InputError
from genrelab.files import write_text
from genrelab.plugins.registry import REGISTRY_FILE, Registry, guess, nearest_registry

_TEMPLATES = files("genrelab") / "templates"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DISTRIBUTION = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.][A-Za-z0-9]+)*")
Files = Mapping[Path, str]


@click.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--package", metavar="DISTRIBUTION", help="Write an installable distribution; its model by default.")
@click.option("--root", "audio", metavar="FOLDER", help="Of an experiment: your audio, whose length is looked up.")
def new(kind: str | None, name: str | None, package: str | None, audio: str | None) -> None:
    """Write a plugin of a KIND called NAME, its test, and its line in registry.toml; or an experiment.

    `genrelab new experiment NAME` writes NAME.toml, with what did best on small collections.
    """
    if kind == "experiment" and name and package is None:
        write_experiment(name, audio)
        return
    if audio is not None:
        raise InputError("--root is for: genrelab new experiment NAME")
    if package is not None:
        if not _DISTRIBUTION.fullmatch(package):
            raise InputError(f"--package {package!r}: expected letters, digits and dashes, such as my-genres")
        kind, name = kind or "model", name or re.sub(r"[-.]", "_", package.lower())
    if kind is None or name is None:
        raise InputError("expected a KIND and a NAME, such as: genrelab new model my_net")
    _check(kind, name)
    if package is not None:
        root, wanted = Path(package), _distribution(kind, name, package)
        _write({root / file: text for file, text in wanted.items()})
        click.echo(f"wrote {root}/: pip install -e '{root}[test]', then genrelab check {kind}/{name} --run")
        return
    registry = nearest_registry(Path.cwd()) or Path.cwd() / REGISTRY_FILE
    plugin, test = Path(f"{name}.py"), Path(f"test_{name}.py")
    line = _with_line(registry, KINDS[kind].plural, name, Path.cwd() / plugin)
    _write({plugin: _plugin(kind, name), test: _test(kind, name, f'Path(__file__).with_name("{plugin}")')})
    write_text(registry, line)
    click.echo(f"wrote {plugin} and {test}, and its line in {registry}: genrelab check {kind}/{name} --run")


def _check(kind: str, name: str) -> None:
    if kind not in KINDS:
        raise InputError(f"no kind is called {kind!r}{guess(kind, [*KINDS, 'experiment'])}")
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InputError(f"{name!r} is no name for a {kind}: expected small letters, digits and _, such as my_net")
    for entry in Registry.discover().entries():
        if (entry.kind, entry.name) == (kind, name):
            raise InputError(f"there is a {kind} called {name!r} already, from {entry.source}: choose another name")


def _write(wanted: Files) -> None:
    """Write files, or none where one is there already."""
    for file in wanted:
        if file.exists():
            raise InputError(f"{file} is there already: choose another name, or remove it")
    for file, text in wanted.items():
        write_text(file, text)


def _plugin(kind: str, name: str) -> str:
    """Return the template of a kind under another name."""
    text = (_TEMPLATES / f"{kind}.py").read_text(encoding="utf-8")
    camel = "".join(part.capitalize() for part in name.split("_"))
    return text.replace(f"my_{kind}", name).replace(f"My{kind.capitalize()}", camel)


def _test(kind: str, name: str, plugin: str) -> str:
    text = (_TEMPLATES / "tests" / ("dataset.py" if kind == "dataset" else "plugin.py")).read_text(encoding="utf-8")
    text = text.replace('Path(__file__).with_name("my_plugin.py")', plugin).replace("my_plugin", name)
    return text if "Path(" in text else text.replace("from pathlib import Path\n\n", "")


def _with_line(registry: Path, table: str, name: str, plugin: Path) -> str:
    """Return the text of a registry.toml with a plugin added; everything else stays as it is written."""
    import tomlkit  # a tenth of a second

    text = registry.read_bytes().decode() if registry.exists() else ""
    document = tomlkit.parse(text)
    rows = document.setdefault(table, tomlkit.table())
    if name in rows:
        raise InputError(f"{registry}: [{table}] has a line for {name} already: choose another name, or remove it")
    rows[name] = f"./{plugin.relative_to(registry.parent).as_posix()}"
    return tomlkit.dumps(document)


def _distribution(kind: str, name: str, distribution: str) -> dict[Path, str]:
    package = re.sub(r"[-.]", "_", distribution.lower())
    if package == name:  # a module called like its package would be one name for two things
        package = f"genrelab_{name}"
    values = {
        "distribution": distribution,
        "package": package,
        "kind": kind,
        "plural": KINDS[kind].plural,
        "name": name,
        "genrelab": __version__,
    }
    copied = ("project.toml", "README.md", "test.yml", "gitignore")
    texts = {file: (_TEMPLATES / "package" / file).read_text(encoding="utf-8") for file in copied}
    filled = {file: Template(text).substitute(values) for file, text in texts.items()}
    source = Path("src") / package
    return {
        Path("pyproject.toml"): filled["project.toml"],
        Path("README.md"): filled["README.md"],
        Path(".gitignore"): filled["gitignore"],
        Path(".github/workflows/test.yml"): filled["test.yml"],
        source / "__init__.py": f'"""{name}, a {kind} for genrelab."""\n',
        source / "py.typed": "",
        source / f"{name}.py": _plugin(kind, name),
        Path(f"tests/test_{name}.py"): _test(kind, name, f'"{package}.{name}"'),
    }
