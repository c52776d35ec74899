"""Spectrograms of tracks side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from genrelab.components import Track
from genrelab.data.audio import BadAudio, Excerpt, Waveform, read_mono
from genrelab.data.explore.examples import N_MELS, TOP_DB, frequency_ticks, log_mel
from genrelab.data.tracks import Tracks
from genrelab.errors import InputError
from genrelab.report.drawing import label, new_figure
from genrelab.report.page import Block, Lines, Page, Text
from genrelab.report.study import Study

_GENRES = 3
_EACH = 2


class Shown(NamedTuple):
    """A track and what is said of it."""

    track: Track
    words: str


def spectrograms(study: Study, page: Page, genres: Sequence[str]) -> list[Block]:
    """Show the first test tracks of genres, by default of the three largest.

    Raises:
        InputError: a genre that the study does not have.
    """
    if not study.tracks:
        return [Text("The data is not prepared yet.")]
    if unknown := [g for g in genres if g not in study.tracks.classes]:
        raise InputError(f"no genre is called {unknown[0]!r}; there are {', '.join(study.tracks.classes)}")
    counts = Counter(t.label for t in study.tracks.tracks)
    chosen = genres or [
        genre for genre, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_GENRES]
    ]
    blocks = _moved(study, study.tracks)
    for place, genre in enumerate(chosen, 1):
        page.working(f"spectrograms of {genre}")
        of = [t for t in study.tracks.tracks if t.label == genre]
        tested = sorted(of, key=lambda t: t.split != "test")[:_EACH]
        shown = [Shown(t, label(genre, 30)) for t in tested]
        blocks += side_by_side(shown, study, page, f"genre-{place}", f"Log-mel spectrograms of {genre}.")
    return blocks


def _moved(study: Study, tracks: Tracks) -> list[Block]:
    """Say how audio is found again that is not where it was."""
    gone = sum(not track.path.exists() for track in tracks.tracks)
    if not gone:
        return []
    text = f"{gone} of {len(tracks.tracks)} audio files are not where they were when the study ran; "
    return [Text(f"{text}where they have moved, genrelab run {study.root} --set dataset.root=FOLDER finds them.")]


def side_by_side(shown: Sequence[Shown], study: Study, page: Page, name: str, caption: str) -> list[Block]:
    """Show the log-mel spectrograms of tracks; say which cannot be read any more."""
    audio, read, lost = study.experiment["audio"], [], []
    for track, words in shown:
        try:
            excerpt = Excerpt(str(track.path), track.start, track.duration)
            wave = read_mono(
                excerpt, audio["sample_rate"], audio["seconds"], cut=audio["cut"], segments=audio.get("segments", 3)
            )
            read.append((track, words, wave))
        except BadAudio as error:
            lost.append(f"{track.path}: {error.message}")
    missing = [Lines(caption if not read else "Not shown", lost)] if lost else []
    return [*([page.picture(name, _draw(read, audio["sample_rate"]), caption)] if read else []), *missing]


def _draw(shown: Sequence[tuple[Track, str, Waveform]], rate: int) -> Figure:
    figure = new_figure(3.3, max(4.0, 2.9 * len(shown)))
    for place, (track, words, wave) in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), place + 1)
        axes.set_title(f"{words}\n{label(track.title or track.id, 30)}", fontsize=8.5)
        image = axes.imshow(
            log_mel(wave, rate).numpy().astype(np.float32),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=-TOP_DB,
            vmax=0,
            extent=(0, len(wave) / rate, 0, N_MELS),
        )
        axes.set_xlabel("time (s)")
        places, texts = frequency_ticks(rate)
        axes.set_yticks(places, texts if place == 0 else [], fontsize=8)
        if place == 0:
            axes.set_ylabel("frequency (Hz)")
        if place == len(shown) - 1:
            figure.colorbar(image, ax=axes, label="dB")
    return figure
