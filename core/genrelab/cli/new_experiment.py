"""`genrelab new experiment`: a file that compares the recipe for small collections with its floor."""

from __future__ import annotations

import json
import re
import statistics
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from genrelab.errors import InputError
from genrelab.files import write_text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST = 30.0  # seconds; of longer audio that much tells the genre
_SHORTEST = 0.1


def write_experiment(name: str, root: str | None) -> None:
    """Write NAME.toml, for the audio below root where that is given.

    Raises:
        InputError: no name for a study, a file that is there, or no audio in root.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name for an experiment: expected letters, digits, '.', '_' and '-'")
    file = Path(f"{name}.toml")
    if file.exists():
        raise InputError(f"{file} is there already: choose another name, or remove it")
    seconds, found = (_LONGEST, "set its root") if root is None else _measure(root)
    template = (files("genrelab") / "templates" / "experiment.toml").read_text(encoding="utf-8")
    texts = {"name": name, "root": json.dumps(root or "", ensure_ascii=False), "seconds": str(seconds)}
    write_text(file, Template(template).substitute(texts))
    click.echo(f"wrote {file} ({found}): genrelab run {file}")


def _measure(root: str) -> tuple[float, str]:
    """Return the length that most clips have, in seconds, and what was found."""
    from genrelab.config.experiment import DatasetChoice
    from genrelab.data.dataset import read_dataset
    from genrelab.data.explore.survey import survey
    from genrelab.plugins.registry import Registry

    registry = Registry.discover()
    params = registry.get("dataset", "audio_folder").params(root=root)
    tracks = read_dataset(DatasetChoice("audio_folder", params), registry).tracks
    lengths = [header.seconds for header in survey(tracks).headers if header]
    if not lengths:
        raise InputError(f"{root}: none of its {len(tracks)} files can be read as audio")
    seconds = round(min(max(statistics.median(lengths), _SHORTEST), _LONGEST), 2)
    genres = len({track.label for track in tracks})
    return seconds, f"{len(tracks)} tracks of {genres} genres, {seconds:g} s each"
