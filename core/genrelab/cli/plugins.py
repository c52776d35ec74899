"""`genrelab list` and `show`: what there is, and what it takes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import attrs
import click

from genrelab.cli.architecture import read_shape, show_architecture
from genrelab.cli.experiments import PLUGIN
from genrelab.cli.learning_rate import show_learning_rate
from genrelab.cli.runs import show_run
from genrelab.components import KINDS
from genrelab.errors import InputError
from genrelab.params import specs
from genrelab.plugins.loading import locate
from genrelab.plugins.registry import Entry, Registry, guess
from genrelab.texts import printable


@click.command("list")
@click.argument("kind", required=False)
@click.option("--long", is_flag=True, help="Show parameters too, with default and range; imports the plugins.")
@PLUGIN
def list_components(kind: str | None, long: bool, plugins: tuple[Path, ...]) -> None:
    """List the components of a KIND, or of all kinds: name, what it is, where it comes from."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"no kind is called {kind!r}{guess(kind, KINDS)}")
    registry = Registry.discover(plugins)
    entries = [e for e in registry.entries() if kind in (None, e.kind)]
    keys, heads = [printable(e.key) for e in entries], [_summary(e) for e in entries]
    width, wide = max(map(len, keys), default=0), max(map(len, heads), default=0)
    for key, head, entry in zip(keys, heads, entries, strict=True):
        click.echo(f"{key:{width}}  {head:{wide}}  {_shorter(entry.source)}")
        for line in _parameters(registry, entry) if long else ():
            click.echo(f"    {line}")


def _parameters(registry: Registry, entry: Entry) -> list[str]:
    """Return a line for each parameter of a component, or why there is none."""
    try:
        found = specs(registry.get(entry.kind, entry.name).params)
    except InputError as error:
        return [f"(does not load: {error})"]
    return [f"{name} = {_default(a)}  {spec.range_text()}".rstrip() for name, (a, spec) in found.items()]


@click.command()
@click.argument("what")
@PLUGIN
@click.option("--learning-rate", is_flag=True, help="Show the learning rate that an experiment will use.")
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True, help="Optimizer steps an epoch.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("learning_rate.png"),
    show_default=True,
    help="Picture of the learning rate.",
)
@click.option("--shape", callback=read_shape, default="128x1292", show_default=True, help="Of a model's feature.")
@click.option("--classes", type=click.IntRange(2), default=12, show_default=True, help="Genres of a model.")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw a model: a .svg, .png or .pdf file.")
def show(
    what: str,
    plugins: tuple[Path, ...],
    learning_rate: bool,
    steps: int,
    output: Path,
    shape: tuple[int, int],
    classes: int,
    picture: Path | None,
) -> None:
    """Show a component (KIND/NAME), an experiment FILE as it is resolved, or what a RUN or a training came to."""
    if Path(what).is_dir():
        show_run(Path(what))
        return
    registry = Registry.discover(plugins)
    kind, _, name = what.partition("/")
    if kind in KINDS and name:
        _show_component(registry, kind, name)
        if kind == "model":
            show_architecture(registry, name, shape, classes, picture)
        return
    import tomli_w

    from genrelab.config.choices import tables
    from genrelab.config.files import load

    experiment = load(Path(what), registry)
    if learning_rate:
        show_learning_rate(experiment, registry, steps, output)
    else:
        click.echo(tomli_w.dumps(tables(experiment)))


def _show_component(registry: Registry, kind: str, name: str) -> None:
    component = registry.get(kind, name)
    entry = registry.entry(kind, name)
    click.echo(f"{entry.key}: {_summary(entry)}\nfrom {entry.target} ({_shorter(entry.source)})\n")
    rows = [
        (n, getattr(a.type, "__name__", str(a.type)), _default(a), s.range_text(), s.help)
        for n, (a, s) in specs(component.params).items()
    ]
    rows.insert(0, ("parameter", "type", "default", "legal", ""))
    widths = [max(len(r[i]) for r in rows) for i in range(4)]
    for row in rows:
        click.echo("  ".join(f"{cell:{w}}" for cell, w in zip(row, [*widths, 0], strict=True)).rstrip())


def _default(attribute: attrs.Attribute[Any]) -> str:
    default: Any = attribute.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory()
    return repr(default)


def _summary(entry: Entry) -> str:
    """Return the first line of the plugin file's docstring, read without importing the file."""
    file = locate(entry.target)
    try:
        tree = ast.parse(file.read_text(encoding="utf-8")) if file else None
    except (OSError, SyntaxError, ValueError):
        return "(cannot be read; see genrelab check)"
    text = ast.get_docstring(tree) if tree else None
    return text.splitlines()[0] if text else ""


def _shorter(source: str) -> str:
    """Return a path relative to the working folder where it lies below it."""
    path = Path(source)
    below = path.is_absolute() and path.is_relative_to(Path.cwd())
    return str(path.relative_to(Path.cwd())) if below else source
