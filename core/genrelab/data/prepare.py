"""Prepare the data of a study: tracks, features, split; written to the run directory once, read by every training.

What is decided the first time (which tracks are usable, who is in which subset) is taken from the run directory
ever after; features are looked up again, and computed again where the store no longer has them.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import nn

from genrelab.components import Track
from genrelab.config.choices import structure, tables
from genrelab.config.experiment import Experiment, FeatureChoice, Recipe
from genrelab.data import waveforms
from genrelab.data.audio import Excerpt
from genrelab.data.audit.drop import without_duplicates
from genrelab.data.audit.leaks import Leaks, audit_once, find_leaks
from genrelab.data.clips import Clips, Window
from genrelab.data.dataset import read_dataset
from genrelab.data.extract import Extraction, extract
from genrelab.data.normalization import training_statistics
from genrelab.data.selection import find_again, keep_selection, move_selection, recall_selection, select
from genrelab.data.store import FeatureStore, Rows
from genrelab.data.tracks import Tracks, read_tracks
from genrelab.errors import DamagedError, InputError, WorkError
from genrelab.files import read_arrays, write_arrays
from genrelab.plugins.registry import Registry
from genrelab.times import Times

_BLOCK = 64  # clips read at once for statistics
STORES = "stores"
"""Beside prepared features: stores that were brought from another machine."""


class Preparation:
    """The data of one study.

    Args:
        experiment: what is wanted.
        registry: resolves components.
        folder: ``data/`` of the run directory.
        store: folder of the feature stores.
        workers: processes that extract.
        strict: whether files that cannot be used are an error.
        moved: whether the files of the dataset are elsewhere than when the study began.
        times: where the seconds of extraction are counted.

    Raises:
        InputError: no usable tracks, a split that they do not allow, or a dataset that has moved and lacks some.
        WorkError: audio that has changed since the study began, or files that cannot be used, where strict.
    """

    def __init__(
        self,
        experiment: Experiment,
        registry: Registry,
        folder: Path,
        store: Path,
        workers: int,
        *,
        strict: bool = False,
        moved: bool = False,
        times: Times | None = None,
    ) -> None:
        self._experiment, self._registry = experiment, registry
        self._folder, self._store, self._workers, self._times = folder, store, workers, times
        self._files: dict[tuple[str, bool], Path] = {}
        choices = list({_key(f): f for f in (experiment.recipe(c).feature for c in experiment.candidate)}.values())
        kept = recall_selection(folder, strict)
        if kept is None:
            self.tracks, notes = self._select(choices, strict)
            keep_selection(folder, self.tracks, notes)
        else:
            self.tracks, notes = kept
            moved = moved or not all(track.path.exists() for track in self.tracks.tracks)
            if moved:
                self.tracks = self._find_again()
        files = [self.feature(choice) for choice in choices]
        if kept is not None and moved:  # and no byte has changed
            move_selection(folder, self.tracks)
        self.leaks = self._audit(files)
        """What straddles the split."""
        self.notes = [*notes, *filter(None, [self.leaks.note()])]
        """What the user should know of the data."""

    def clips(self, recipe: Recipe) -> Path:
        """Return the file that tells trainings where the clips of a recipe are; extract them if need be.

        Where the recipe changes waveforms, these are stored as well, for the training set.

        Raises:
            WorkError: audio has changed since the study began, or this feature cannot represent some tracks.
        """
        domains = {self._registry.get("augmentation", choice.name).domain for choice in recipe.augment}
        return self.feature(recipe.feature, live="waveform" in domains)

    def feature(self, choice: FeatureChoice, *, live: bool = False) -> Path:
        """Return the same for a feature; live: with the waveforms of the training set, to compute it from."""
        key = _key(choice), live
        if key not in self._files:
            found = self._extract(choice, self.tracks.tracks)
            self._check(choice.name, self.tracks.tracks, self.tracks.digests, found)
            self._files[key] = self._write(choice, found, self._waveforms() if live else {})
        return self._files[key]

    def _select(self, choices: list[FeatureChoice], strict: bool) -> tuple[Tracks, list[str]]:
        """Read the dataset, leave out what gives no feature, split the rest, leave out duplicates where wanted."""
        collection = read_dataset(self._experiment.dataset, self._registry)
        found = [self._extract(choice, collection.tracks) for choice in choices]
        tracks, notes = select(collection, found, self._experiment.split, self._folder, strict)
        if self._experiment.split.duplicates == "drop":
            used = np.isin([t.id for t in collection.tracks], [t.id for t in tracks.tracks])
            store, rows = _richest([(f.store, f.rows[used]) for f in found])
            leaks = find_leaks(tracks, store, rows, self._experiment.audio.seconds)
            tracks, told = without_duplicates(tracks, leaks, self._folder)
            notes = [*notes, *told]
        return tracks, notes

    def _find_again(self) -> Tracks:
        try:
            return find_again(self.tracks, read_dataset(self._experiment.dataset, self._registry))
        except InputError as error:
            raise InputError(
                f"{error}; where its files have moved, say so with --set dataset.root=FOLDER"
            ) from error

    def _audit(self, features: Sequence[Path]) -> Leaks:
        """Find what straddles the split."""
        store, rows = _richest([open_feature(feature) for feature in features])
        return audit_once(self.tracks, store, rows, self._experiment.audio.seconds, self._folder / "leaks.json")

    def _extract(self, choice: FeatureChoice, tracks: Sequence[Track]) -> Extraction:
        version = self._registry.get("feature", choice.name).version
        key = {"name": choice.name, "version": version, "params": tables(choice.params)}
        rate = self._experiment.audio.sample_rate
        make = functools.partial(build_feature, tables(choice), self._registry.recreate(), rate)
        return self._stored(tracks, key, make, choice.normalization)

    def _waveforms(self) -> dict[str, Any]:
        """Store the waveforms of the training set; return where they are, as arrays."""
        chosen = np.flatnonzero(np.array(self.tracks.subsets) == "train")
        tracks = [self.tracks.tracks[i] for i in chosen]
        found = self._stored(tracks, waveforms.KEY, waveforms.Parts, "none")
        self._check("waveform", tracks, [self.tracks.digests[i] for i in chosen], found)
        rows = np.full(len(self.tracks.tracks), -1, np.int64)
        rows[chosen] = found.rows
        return {"waveforms": np.array(str(found.store.path.absolute())), "waveform_rows": rows}

    def _stored(
        self, tracks: Sequence[Track], key: Mapping[str, Any], make_feature: Callable[[], Any], normalization: str
    ) -> Extraction:
        return extract(
            [Excerpt(str(t.path), t.start, t.duration) for t in tracks],
            directory=self._store,
            key=key,
            make_feature=make_feature,
            audio=self._experiment.audio,
            normalization=normalization,
            workers=self._workers,
            progress=True,
            times=self._times,
        )

    def _check(self, feature: str, tracks: Sequence[Track], digests: Sequence[str], found: Extraction) -> None:
        missing = [str(t.path) for t, digest in zip(tracks, found.digests, strict=True) if not digest]
        if missing:
            raise WorkError(f"{len(missing)} audio files of this run are missing, {missing[0]} among them")
        changed = [str(t.path) for t, a, b in zip(tracks, digests, found.digests, strict=True) if a != b]
        if changed:
            raise WorkError(
                f"{len(changed)} audio files have changed since this study began, {changed[0]} among them; "
                "start the study anew in another run directory"
            )
        lost = [str(t.path) for t, row in zip(tracks, found.rows, strict=True) if row < 0]
        if lost:
            raise WorkError(f"feature {feature!r} cannot represent {len(lost)} tracks, {lost[0]} among them")

    def _write(self, choice: FeatureChoice, found: Extraction, waves: Mapping[str, Any]) -> Path:
        name = hashlib.sha256(_key(choice).encode()).hexdigest()[:8] + ("-live" if waves else "")
        file = self._folder / "features" / f"{choice.name}-{name}.npz"
        window = Window.of(self._experiment.audio, found.store.shape[1])
        arrays: dict[str, Any] = {
            "store": np.array(str(found.store.path.absolute())),
            "rows": found.rows,
            "window": np.array(attrs.astuple(window)),
            **waves,
        }
        if choice.normalization == "training_set":
            rows = found.rows[np.array(self.tracks.subsets) == "train"]
            blocks = (found.store.gather(rows[i : i + _BLOCK]) for i in range(0, len(rows), _BLOCK))
            mean, deviation = training_statistics(blocks)
            arrays |= {"mean": mean.numpy(), "deviation": deviation.numpy()}
        write_arrays(file, arrays)
        return file


def _richest(features: Sequence[tuple[FeatureStore, Rows]]) -> tuple[FeatureStore, Rows]:
    """Return the feature that has most bins and frames: near-duplicates are looked for in it."""
    return max(features, key=lambda found: found[0].shape[0] > 1 and found[0].row_bytes)


def _key(choice: FeatureChoice) -> str:
    return json.dumps(tables(choice), sort_keys=True)


def build_feature(table: Mapping[str, Any], registry: Mapping[str, Any], sample_rate: int) -> nn.Module:
    """Build a feature from plain tables, in any process."""
    found = Registry.discover([Path(p) for p in registry["plugins"]], Path(registry["start"]))
    choice = structure(dict(table), FeatureChoice, found, "feature")
    module: nn.Module = found.build("feature", choice.name, choice.params, sample_rate)
    return module


def open_feature(file: Path) -> tuple[FeatureStore, Rows]:
    """Open the store of a prepared feature; return it with the row of each track of the study, in order.

    Raises:
        DamagedError: the file is gone or damaged.
    """
    arrays = read_arrays(file)
    return FeatureStore(stored_at(file, str(arrays["store"]))), arrays["rows"]


def stored_at(feature: Path, path: str) -> Path:
    """Return the folder of a store that a prepared feature names: as it says, or brought along beside that.

    Raises:
        DamagedError: it is at neither place.
    """
    places = Path(path), feature.parent / STORES / Path(path).name
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise DamagedError(f"{path}: this feature store is gone; genrelab run makes it again")
    return found


def load_clips(tracks_file: Path, feature_file: Path, device: torch.device) -> Clips:
    """Open the clips of a study in one feature, as `Preparation` has written them."""
    tracks = read_tracks(tracks_file)
    store, rows = open_feature(feature_file)
    arrays = read_arrays(feature_file)
    window = Window(*arrays["window"].tolist())
    statistics = tuple(torch.from_numpy(arrays[k]) for k in ("mean", "deviation")) if "mean" in arrays else None
    waves = None
    if "waveforms" in arrays:
        waves = FeatureStore(stored_at(feature_file, str(arrays["waveforms"]))), arrays["waveform_rows"]
    classes = tracks.classes
    index = {label: i for i, label in enumerate(classes)}
    labels = np.array([index[t.label] for t in tracks.tracks], np.int64)
    return Clips(store, rows, labels, tracks.subsets, classes, statistics, device, window, waves)  # type: ignore[arg-type]
