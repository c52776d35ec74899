"""Prepare the data of a study: tracks, features, split; written to the run directory once, read by every training.

What is decided the first time (which tracks are usable, who is in which subset) is taken from the run directory
ever after; features are looked up again, and computed again where the store no longer has them.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import nn

from genrelab.components import SUBSETS, Track
from genrelab.config.choices import structure, tables
from genrelab.config.experiment import Experiment, FeatureChoice
from genrelab.data.clips import Clips
from genrelab.data.extract import Extraction, extract
from genrelab.data.normalization import training_statistics
from genrelab.data.splits import Split, official_split, split_tracks
from genrelab.data.store import FeatureStore
from genrelab.data.tracks import Tracks, read_tracks, write_csv, write_tracks
from genrelab.errors import InputError, WorkError
from genrelab.plugins.registry import Registry

_BLOCK = 64  # clips read at once for statistics


class Preparation:
    """The data of one study.

    Args:
        experiment: what is wanted.
        registry: resolves components.
        folder: ``data/`` of the run directory.
        store: folder of the feature stores.
        workers: processes that extract.

    Raises:
        InputError: no usable tracks, or a split that they do not allow.
        WorkError: audio that has changed since the study began.
    """

    def __init__(self, experiment: Experiment, registry: Registry, folder: Path, store: Path, workers: int) -> None:
        self._experiment, self._registry = experiment, registry
        self._folder, self._store, self._workers = folder, store, workers
        self._files: dict[str, Path] = {}
        self.notes: list[str] = []
        """What the user should know of the data."""
        choices = list({_key(f): f for f in (experiment.recipe(c).feature for c in experiment.candidate)}.values())
        tracks_file = folder / "tracks.csv"
        if tracks_file.is_file():
            self.tracks = read_tracks(tracks_file)
        else:
            self.tracks = self._decide(choices)
            write_tracks(tracks_file, self.tracks)
        for choice in choices:
            self.feature(choice)

    def feature(self, choice: FeatureChoice) -> Path:
        """Return the file that tells trainings where the clips of a feature are; extract them if need be.

        Raises:
            WorkError: audio has changed since the study began, or this feature cannot represent some tracks.
        """
        key = _key(choice)
        if key not in self._files:
            found = self._extract(choice, [t.path for t in self.tracks.tracks])
            self._check(choice, found)
            self._files[key] = self._write(choice, found)
        return self._files[key]

    def _decide(self, choices: list[FeatureChoice]) -> Tracks:
        """Read the dataset, leave out what gives no feature, and split the rest."""
        dataset = self._experiment.dataset
        tracks = [
            t
            for t in self._registry.get("dataset", dataset.name).build(dataset.params)
            if t.label not in dataset.exclude
        ]
        if not tracks:
            raise InputError(f"dataset {dataset.name!r}: has no tracks")
        found = [self._extract(choice, [t.path for t in tracks]) for choice in choices]
        usable = np.all([f.rows >= 0 for f in found], axis=0)
        self._report_quarantine(found, tracks)
        kept = [t for t, use in zip(tracks, usable, strict=True) if use]
        if not kept:
            raise InputError(
                f"dataset {dataset.name!r}: none of {len(tracks)} files could be used; see {self._folder}"
            )
        split = self._split(kept)
        self.notes += split.notes
        subset = {int(i): s for s in SUBSETS for i in getattr(split, s)}
        digests = tuple(d for d, use in zip(found[0].digests, usable, strict=True) if use)
        return Tracks(tuple(attrs.evolve(t, split=subset[i]) for i, t in enumerate(kept)), digests)

    def _split(self, tracks: list[Track]) -> Split:
        plan, labels = self._experiment.split, [t.label for t in tracks]
        if plan.by == "official":
            return official_split([t.split for t in tracks], labels)
        artists = [t.artist for t in tracks]
        by = plan.by if plan.by != "auto" else "artist" if any(artists) else "track"
        if by == "artist" and not any(artists):
            raise InputError('split.by = "artist", but no artist of any track is known; use "track"')
        if by == "track" and any(artists):
            self.notes.append("the split is by track: artists may be on both sides, so scores are optimistic")
        return split_tracks(labels, artists, by=by, fractions=plan.fractions, seed=plan.seed)  # type: ignore[arg-type]

    def _report_quarantine(self, found: list[Extraction], tracks: list[Track]) -> None:
        rows = list(dict.fromkeys((str(p), reason, text) for f in found for p, reason, text in f.quarantined))
        write_csv(self._folder / "quarantine.csv", ("path", "reason", "message"), rows)
        if rows:
            counts = ", ".join(f"{n} {reason}" for reason, n in Counter(r for _, r, _ in rows).most_common())
            file = self._folder / "quarantine.csv"
            self.notes.append(f"{len(rows)} of {len(tracks)} files cannot be used ({counts}); see {file}")

    def _extract(self, choice: FeatureChoice, paths: list[Path]) -> Extraction:
        audio = self._experiment.audio
        component = self._registry.get("feature", choice.name)
        return extract(
            paths,
            directory=self._store,
            key={"name": choice.name, "version": component.version, "params": tables(choice.params)},
            make_feature=functools.partial(
                build_feature, tables(choice), self._registry.recreate(), audio.sample_rate
            ),
            sample_rate=audio.sample_rate,
            seconds=audio.seconds,
            normalization=choice.normalization,
            workers=self._workers,
            progress=True,
        )

    def _check(self, choice: FeatureChoice, found: Extraction) -> None:
        tracks, digests = self.tracks.tracks, self.tracks.digests
        changed = [str(t.path) for t, a, b in zip(tracks, digests, found.digests, strict=True) if a != b]
        if changed:
            raise WorkError(
                f"{len(changed)} audio files have changed since this study began, {changed[0]} among them; "
                "start the study anew in another run directory"
            )
        lost = [str(t.path) for t, row in zip(tracks, found.rows, strict=True) if row < 0]
        if lost:
            raise WorkError(f"feature {choice.name!r} cannot represent {len(lost)} tracks, {lost[0]} among them")

    def _write(self, choice: FeatureChoice, found: Extraction) -> Path:
        name = hashlib.sha256(_key(choice).encode()).hexdigest()[:8]
        file = self._folder / "features" / f"{choice.name}-{name}.npz"
        arrays: dict[str, Any] = {"store": np.array(str(found.store.path.absolute())), "rows": found.rows}
        if choice.normalization == "training_set":
            rows = found.rows[np.array(self.tracks.subsets) == "train"]
            blocks = (found.store.gather(rows[i : i + _BLOCK]) for i in range(0, len(rows), _BLOCK))
            mean, deviation = training_statistics(blocks)
            arrays |= {"mean": mean.numpy(), "deviation": deviation.numpy()}
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part")
        with part.open("wb") as out:
            np.savez(out, **arrays)
        part.replace(file)
        return file


def _key(choice: FeatureChoice) -> str:
    return json.dumps(tables(choice), sort_keys=True)


def build_feature(table: Mapping[str, Any], registry: Mapping[str, Any], sample_rate: int) -> nn.Module:
    """Build a feature from plain tables, in any process."""
    found = Registry.discover([Path(p) for p in registry["plugins"]], Path(registry["start"]))
    choice = structure(dict(table), FeatureChoice, found, "feature")
    module: nn.Module = found.get("feature", choice.name).build(choice.params, sample_rate)
    return module


def load_clips(tracks_file: Path, feature_file: Path, device: torch.device) -> Clips:
    """Open the clips of a study in one feature, as `Preparation` has written them."""
    tracks = read_tracks(tracks_file)
    with np.load(feature_file, allow_pickle=False) as arrays:
        store, rows = FeatureStore(Path(str(arrays["store"]))), arrays["rows"]
        known = "mean" in arrays
        statistics = tuple(torch.from_numpy(arrays[k]) for k in ("mean", "deviation")) if known else None
    classes = tracks.classes
    index = {label: i for i, label in enumerate(classes)}
    labels = np.array([index[t.label] for t in tracks.tracks], np.int64)
    return Clips(store, rows, labels, tracks.subsets, classes, statistics, device)  # type: ignore[arg-type]
