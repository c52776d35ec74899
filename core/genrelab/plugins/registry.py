"""The registry: which components exist, from data alone; a plugin is imported when its name is first asked for.

Three sources are read: the registry.toml that ships, the nearest registry.toml at or above the working folder, and
the entry points of installed distributions (groups ``genrelab.models`` and so on). Files given with ``--plugin``
are imported at once, since only they know what they offer.
"""

from __future__ import annotations

import contextlib
import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs

from genrelab import __version__
from genrelab.components import KINDS, Component
from genrelab.errors import GenrelabError, InputError
from genrelab.plugins.limits import USUAL
from genrelab.plugins.loading import PluginError, blamed, components_of, load_plugin, locate

REGISTRY_FILE = "registry.toml"
_SHIPPED = "genrelab_plugins"
_LONGEST = 24 * 3600.0  # seconds; a dataset may look through, or compose, files for hours


@attrs.frozen
class Entry:
    """A component known by name, and where it comes from."""

    kind: str
    name: str
    target: str
    """A module, or the path of a Python file."""
    source: str
    """For people: a registry file, a distribution with its version, or ``--plugin``."""
    distribution: str = ""
    """Name of the distribution; empty for files."""

    @property
    def key(self) -> str:
        """``model/cnn1d_gru``."""
        return f"{self.kind}/{self.name}"

    def is_disabled(self, disabled: Iterable[str]) -> bool:
        """Tell whether one of ``kind/name`` and ``kind/name@distribution`` names this entry."""
        return self.key in disabled or f"{self.key}@{self.distribution}" in disabled


class Registry:
    """Finds components by kind and name.

    Args:
        entries: what the sources offer, duplicates included.
        disabled: ``kind/name`` or ``kind/name@distribution`` to leave out.
        plugins: files given with ``--plugin``; kept so that a worker process can build the same registry.
        start: folder from which registry.toml was looked for.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        disabled: Iterable[str] = (),
        plugins: Sequence[Path] = (),
        start: Path | None = None,
    ) -> None:
        disabled = frozenset(disabled)
        self.plugins = tuple(plugins)
        self.start = start or Path.cwd()
        self._entries: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            known = self._entries.setdefault((entry.kind, entry.name), [])
            # One module named by two registries, such as those of two checkouts, is one component.
            if not entry.is_disabled(disabled) and entry.target not in [e.target for e in known]:
                known.append(entry)

    @classmethod
    def discover(cls, plugins: Sequence[Path] = (), start: Path | None = None) -> Registry:
        """Read all sources.

        Raises:
            InputError: a registry.toml that cannot be read, or a ``--plugin`` file that is broken.
        """
        start = start or Path.cwd()
        entries: list[Entry] = []
        disabled: list[str] = []
        for file in _registry_files(start):
            found, off = read_registry(file)
            entries += found
            disabled += off
        entries += _entry_points()
        for plugin in plugins:
            entries += _entries_of_file(plugin.absolute())
        return cls(entries, disabled=disabled, plugins=[p.absolute() for p in plugins], start=start)

    def entries(self) -> list[Entry]:
        """Return all entries, duplicates included, in the order of kinds and names."""
        kinds = list(KINDS)
        found = [e for group in self._entries.values() for e in group]
        return sorted(found, key=lambda e: (kinds.index(e.kind), e.name))

    def names(self, kind: str) -> list[str]:
        """Return the known names of a kind, sorted."""
        return sorted(name for (k, name), found in self._entries.items() if k == kind and found)

    def entry(self, kind: str, name: str) -> Entry:
        """Return the one entry of that name.

        Raises:
            InputError: unknown (with a guess), or offered by several sources (all are named).
        """
        found = self._entries.get((kind, name), [])
        if not found:
            raise InputError(f"no {kind} is called {name!r}{guess(name, self.names(kind))}")
        if len(found) > 1:
            sources = " and ".join(e.source for e in found)
            removable = [f"{e.key}@{e.distribution}" for e in found if e.distribution]
            hint = f", or put {removable[-1]!r} into disabled of {REGISTRY_FILE}" if removable else ""
            raise InputError(f"{kind} {name!r} is offered twice, by {sources}; rename one{hint}")
        return found[0]

    def get(self, kind: str, name: str) -> Any:
        """Import the plugin that offers a component, if need be, and return the component.

        Raises:
            InputError: unknown, offered twice, or a plugin that does not load (naming source, file, line, cause).
        """
        entry = self.entry(kind, name)
        try:
            return _component(entry)
        except PluginError as error:
            raise InputError(f"{kind} {name!r} from {entry.source}: {error}") from error

    def build(self, kind: str, name: str, *arguments: Any) -> Any:
        """Build a component, and return what that gives.

        Args:
            kind: of the component.
            name: of the component.
            arguments: of its `build`; an augmentation is given the sample rate even if it is none for waveforms.

        Raises:
            InputError: as `get`; or it raises, does not end, takes all memory, or gives what its kind does not.
            GenrelabError: the component says so.
        """
        component = self.get(kind, name)
        with self.calling(kind, name):
            built = getattr(component, "make", component.build)(*arguments)
            if isinstance(built, type):
                raise TypeError(f"it gives the class {built.__name__}, not an object")
            if missing := [promise for promise in KINDS[kind].promises if not hasattr(built, promise)]:
                raise TypeError(f"it gives {type(built).__name__}, which has no {', '.join(missing)}")
        return built

    @contextlib.contextmanager
    def calling(self, kind: str, name: str) -> Iterator[None]:
        """Run code of a component within this context.

        Raises:
            InputError: it raises, does not end, or takes all memory.
            GenrelabError: the component says so.
        """
        entry = self.entry(kind, name)
        try:
            with blamed(entry.target, "build", (GenrelabError,), _LONGEST if kind == "dataset" else USUAL):
                yield
        except PluginError as error:
            raise PluginError(f"{kind} {name!r} from {entry.source}: {error}") from error

    def recreate(self) -> dict[str, Any]:
        """Return what another process needs to discover the same registry, JSON-able."""
        return {"plugins": [str(p) for p in self.plugins], "start": str(self.start)}


def guess(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)``, or `` (there are: ...)`` where nothing is near."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (there are: {', '.join(known)})" if known else ""


def read_registry(file: Path) -> tuple[list[Entry], list[str]]:
    """Read one registry.toml into its entries and its ``disabled`` list.

    Raises:
        InputError: not TOML, or a table, name or value that is not what is expected.
    """
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    source = f"genrelab {__version__}" if file.parent.name == _SHIPPED else str(file)
    disabled = data.pop("disabled", [])
    if not _is_texts(disabled):
        raise InputError(f"{file}: disabled: expected a list of texts such as 'model/x'")
    kinds = {kind.plural: kind.name for kind in KINDS.values()}
    entries: list[Entry] = []
    for table, rows in data.items():
        if table not in kinds:
            raise InputError(f"{file}: [{table}]: unknown table{guess(table, kinds)}")
        if not isinstance(rows, dict) or not _is_texts(list(rows.values())):
            raise InputError(f'{file}: [{table}]: expected lines such as my_net = "./my_net.py"')
        entries += [Entry(kinds[table], n, _target(t, file.parent), source) for n, t in rows.items()]
    return entries, disabled


def _is_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) for v in values)


def _target(target: str, folder: Path) -> str:
    return str(folder / target) if target.endswith(".py") else target


def _registry_files(start: Path) -> list[Path]:
    """Return the shipped registry and the nearest one from the working folder up, once where they are the same."""
    nearest = nearest_registry(start)
    files = [*_shipped_registry(), *([nearest] if nearest else [])]
    return list({f.resolve(): f for f in files}.values())


def nearest_registry(start: Path) -> Path | None:
    """Return the registry.toml in a folder or in the nearest one above it that has one."""
    files = (folder / REGISTRY_FILE for folder in (start.absolute(), *start.absolute().parents))
    return next((f for f in files if f.is_file()), None)


def _shipped_registry() -> list[Path]:
    spec = find_spec(_SHIPPED)
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    # A wheel carries the file inside the package; in a checkout it lies beside the source roots.
    candidates = (package / REGISTRY_FILE, package.parent.parent / REGISTRY_FILE)
    return [f for f in candidates if f.is_file()][:1]


def _entry_points() -> list[Entry]:
    entries = []
    found = metadata.entry_points()  # once: it reads the metadata of every distribution
    for kind in KINDS.values():
        for point in found.select(group=f"genrelab.{kind.plural}"):
            dist = point.dist
            source = f"{dist.name} {dist.version}" if dist else "an installed distribution"
            module = point.value.partition(":")[0].strip()  # point.module raises where the value is malformed
            entries.append(Entry(kind.name, point.name, module, source, dist.name if dist else ""))
    return entries


def _entries_of_file(file: Path) -> list[Entry]:
    source = f"--plugin {file}"
    try:
        plugin = load_plugin(str(file))
        found = {kind: components_of(plugin, kind) for kind in KINDS}
    except PluginError as error:
        raise InputError(f"{source}: {error}") from error
    entries = [Entry(kind, c.name, str(file), source) for kind, cs in found.items() for c in cs]
    if not entries:
        hooks = ", ".join(kind.hook for kind in KINDS.values())
        raise InputError(f"{source}: provides nothing; it needs a function marked @hookimpl, one of {hooks}")
    return entries


def _component(entry: Entry) -> Component:
    offered: Mapping[str, Component] = {c.name: c for c in components_of(load_plugin(entry.target), entry.kind)}
    if entry.name not in offered:
        hook, there = KINDS[entry.kind].hook, ", ".join(offered) or "none"
        where = locate(entry.target) or entry.target
        raise PluginError(f"{where}: {hook} returns no {entry.kind} called {entry.name!r} (it returns: {there})")
    return offered[entry.name]
