"""Explore the dataset of an experiment: read headers, decode a few tracks of each genre, write a page."""

from __future__ import annotations

import base64
import difflib
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track as show_progress

from genrelab.components import Track
from genrelab.config.choices import tables
from genrelab.config.experiment import Experiment
from genrelab.data.dataset import read_dataset
from genrelab.data.explore import drawing
from genrelab.data.explore.augmentations import draw_augmentations
from genrelab.data.explore.examples import N_FFT, Example, draw_example, power_spectrum
from genrelab.data.explore.sound import decode, player
from genrelab.data.explore.survey import Survey, apart, survey
from genrelab.data.pool import Lost
from genrelab.errors import InputError, WorkError
from genrelab.events import Exploration, Picture
from genrelab.files import write_text
from genrelab.plugins.registry import Registry
from genrelab.training.device import use_one_thread

SPECTRUM_TRACKS = 10
"""Tracks of a genre whose spectra are averaged."""
_LISTED = 200  # unreadable files on the page


class Sample(NamedTuple):
    """What decoding a few tracks of each genre gave."""

    examples: list[Example]
    spectra: dict[str, NDArray[np.float64]]
    """Genre -> mean level (n_fft / 2 + 1,), in dB."""
    failed: list[tuple[str, str]]
    """(track id, why) of those that cannot be decoded."""


class Page:
    """Pictures as they are drawn: each written to a folder, and kept for the page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.pictures: list[Picture] = []

    def picture(self, name: str, alt: str, figure: Figure, part: str = "") -> dict[str, str]:
        """Write a figure as NAME.png or NAME-PART.png; return its source for the page, and what it shows."""
        file = self._folder / f"{'-'.join(filter(None, [name, part]))}.png"
        drawing.save(figure, file)
        number = sum(p.name == name for p in self.pictures)
        self.pictures.append(Picture(name, number, file, alt))
        return {"src": f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}", "alt": alt}


def explore(
    experiment: Experiment, registry: Registry, out: Path, *, tracks: Sequence[str] = (), per_genre: int = 2
) -> Exploration:
    """Write index.html and its pictures (PNG); only the examples are decoded.

    Args:
        experiment: whose dataset, feature and augmentations are shown.
        registry: resolves components.
        out: folder, made if need be.
        tracks: ids of the tracks to show; empty for some of each genre.
        per_genre: how many.

    Returns:
        What was written, for reporters.

    Raises:
        InputError: an unknown track, or no tracks at all.
        WorkError: the folder cannot be written to.
    """
    use_one_thread()
    collection = read_dataset(experiment.dataset, registry)
    _check_known(tracks, collection.tracks)
    found = survey(collection.tracks)
    sample = _sample(found, experiment, tracks, per_genre)
    rate = experiment.audio.sample_rate
    unreadable = [*found.unreadable, *sample.failed]
    facts = _facts(found, len(unreadable))
    try:
        page = Page(out)
        content = {
            "name": experiment.name,
            "facts": facts,
            "notes": collection.notes,
            "overview": _overview(page, found, sample, rate),
            "examples": [_shown(page, i, e, rate) for i, e in enumerate(sample.examples)],
            "changes": [
                page.picture("augmentation", f"before and after {name}", figure, name)
                for name, figure in draw_augmentations(experiment, registry, sample.examples)
            ],
            "unreadable": unreadable[:_LISTED],
            "hidden": max(0, len(unreadable) - _LISTED),
        }
        template = Environment(loader=PackageLoader(__package__, "."), autoescape=True).get_template("page.html")
        write_text(out / "index.html", template.render(content))
    except OSError as error:
        raise WorkError(f"{out}: cannot be written to: {error.strerror or error}") from error
    return Exploration(
        experiment.name, out, tables(experiment), dict(facts), collection.notes, tuple(page.pictures)
    )


def _check_known(wanted: Sequence[str], tracks: Iterable[Track]) -> None:
    ids = {t.id for t in tracks}
    for name in wanted:
        if name not in ids:
            near = difflib.get_close_matches(name, ids, 1)
            raise InputError(f"no track is called {name!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))


def _sample(found: Survey, experiment: Experiment, wanted: Sequence[str], per_genre: int) -> Sample:
    """Decode the tracks that are shown, and some of each genre for its spectrum."""
    chosen = _chosen(found, wanted, per_genre)
    sample = Sample([], {}, [])
    power: dict[str, list[NDArray[np.float64]]] = {}
    console = Console(stderr=True)
    audio = experiment.audio
    decoded = dict(
        show_progress(
            apart(partial(decode, sample_rate=audio.sample_rate, seconds=audio.seconds), chosen),
            "examples",
            len(chosen),
            console=console,
            disable=not console.is_terminal,
        )
    )
    shown: Counter[str] = Counter()
    for track in chosen:
        result = decoded.pop(track)
        if isinstance(result, Lost | str):
            sample.failed.append((track.id, result if isinstance(result, str) else result.message))
            continue
        power.setdefault(track.label, []).append(power_spectrum(result))
        if track.id in wanted or (not wanted and shown[track.label] < per_genre):
            shown[track.label] += 1
            sample.examples.append(Example(track, result))
    for genre in found.counts.keys() & power.keys():
        level = 10 * np.log10(np.maximum(np.mean(power[genre], axis=0), 1e-20))
        sample.spectra[genre] = level - level.max()
    return sample


def _chosen(found: Survey, wanted: Sequence[str], per_genre: int) -> list[Track]:
    """Draw the tracks to decode: the same ones each time, genre after genre."""
    readable = [t for t, h in zip(found.tracks, found.headers, strict=True) if h]
    chosen = []
    for genre in found.counts:
        members = [t for t in readable if t.label == genre]
        count = min(len(members), max(SPECTRUM_TRACKS, per_genre))
        chosen += random.Random(0).sample(members, count)  # noqa: S311
    present = {t.id for t in chosen}
    return chosen + [t for t in found.tracks if t.id in wanted and t.id not in present]


def _facts(found: Survey, unreadable: int) -> list[tuple[str, str]]:
    hours = sum(h.seconds for h in found.known) / 3600
    artists, albums = ({getattr(t, field) for t in found.tracks} - {""} for field in ("artist", "album"))
    return [
        ("tracks", f"{len(found.tracks):,}"),
        ("genres", str(len(found.counts))),
        ("largest : smallest genre", f"{found.imbalance:.1f}"),
        ("hours", f"{hours:,.1f}"),
        ("artists", f"{len(artists):,}" if artists else "unknown"),
        ("albums", f"{len(albums):,}" if albums else "unknown"),
        ("without a genre", str(found.unlabelled)),
        ("unreadable files", str(unreadable)),
    ]


def _overview(page: Page, found: Survey, sample: Sample, rate: int) -> list[dict[str, str]]:
    counts, known, total = found.counts, found.known, len(found.tracks)
    shares = [f"({n / total:.1%})" for n in counts.values()]
    title = f"Tracks of each genre (largest : smallest {found.imbalance:.1f})"
    figures = {"genres": drawing.bars(counts, title, "tracks", shares), "cloud": drawing.cloud(counts)}
    for field in ("artist", "album"):
        if any(distinct := found.distinct(field).values()):
            each = [f"({n / max(k, 1):.1f} tracks each)" for n, k in zip(counts.values(), distinct, strict=True)]
            figures[f"{field}s"] = drawing.bars(
                found.distinct(field), f"{field.capitalize()}s of each genre", f"{field}s", each
            )
    if known:
        figures["durations"] = drawing.histogram([h.seconds for h in known], "Duration", "seconds")
        figures["bit-rates"] = drawing.histogram([h.kbits for h in known], "Bit rate", "kbit/s")
        for name, of in (
            ("sample-rates", [f"{h.sample_rate} Hz" for h in known]),
            ("channels", [f"{h.channels}" for h in known]),
            ("formats", [h.format for h in known]),
        ):
            figures[name] = drawing.bars(
                dict(Counter(of).most_common()), name.replace("-", " ").capitalize(), "tracks"
            )
    if sample.spectra:
        frequencies = np.linspace(0, rate / 2, N_FFT // 2 + 1)
        ordered = {genre: sample.spectra[genre] for genre in counts if genre in sample.spectra}
        title = f"Mean spectrum of each genre, over up to {SPECTRUM_TRACKS} tracks"
        figures["spectra"] = drawing.spectra(ordered, frequencies, title)
    return [page.picture(name, name.replace("-", " "), figure) for name, figure in figures.items()]


def _shown(page: Page, number: int, example: Example, rate: int) -> dict[str, Any]:
    track, audio = example
    picture = page.picture(
        "example", f"{track.id}: waveform, log-mel spectrogram", draw_example(example, rate), f"{number:03d}"
    )
    words = [track.label, track.artist, track.album, track.title, track.id]
    return {
        "picture": picture,
        "player": player(track, audio, rate),
        "caption": " · ".join(filter(None, words)),
    }
