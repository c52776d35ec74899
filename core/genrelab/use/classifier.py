"""A trained model that tells the genre of audio."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import soxr
import torch
from torch import Tensor

from genrelab.data.clip import ClipMaker
from genrelab.data.clips import Window
from genrelab.data.store import Rejected
from genrelab.errors import InputError, WorkError
from genrelab.plugins.registry import REGISTRY_FILE, Registry
from genrelab.use.clips import Clip, clips_of, clips_of_file
from genrelab.use.description import (
    MODEL_FILE,
    WEIGHTS_FILE,
    Description,
    parse_description,
    read_json_safely,
)
from genrelab.use.memory import check_cost
from genrelab.use.runs import choose, describe, fitted_temperature
from genrelab.use.weights import load_model

Floats = npt.NDArray[np.float32]

_AT_ONCE = 32  # windows that go through the model together


@attrs.frozen(eq=False)
class Timeline:
    """What a model makes of a waveform, window by window."""

    start: npt.NDArray[np.float64]
    """(windows,) in seconds."""
    end: npt.NDArray[np.float64]
    """(windows,) in seconds; beyond the end of the waveform where that is shorter than a window."""
    probabilities: Floats
    """(windows, classes)."""
    seconds: float
    """How much audio was heard."""

    @property
    def mean(self) -> Floats:
        """Probabilities of the whole: (classes,), the mean over windows, as in the test of a study."""
        mean: Floats = self.probabilities.mean(0, dtype=np.float64).astype(np.float32)
        return mean


class Classifier:
    """Tells the genre of audio of any length.

    Longer audio than a clip of the experiment is heard clip by clip, shorter audio is filled as in training, and a
    clip is heard in the windows of the experiment; the probabilities of all windows are averaged. A file as long as
    a clip so has the same probabilities as in the test of the study.

    Args:
        description: what the model is.
        weights: file of its weights.
        registry: resolves its components.
        fit: gives the temperature where the description does not have it.

    Attributes:
        classes: genres in the order of probabilities.
        sample_rate: Hz, at which the model hears; other audio is resampled.
        description: everything else.
        feature: (batch, samples) -> (batch, bins, frames).
        network: (batch, bins, frames) -> logits (batch, classes), in eval mode.
        statistics: mean and deviation, each (bins, 1), by which features are standardised; () where they are not.
        frames: of the feature of a clip.

    Raises:
        InputError: weights or shapes do not fit the components.
    """

    def __init__(
        self, description: Description, weights: Path, registry: Registry, fit: Callable[[], float] | None = None
    ) -> None:
        self.description = description
        self._fit = fit
        self.classes = description.classes
        self.sample_rate = description.audio.sample_rate
        self._maker = make_clips(description, registry)
        self.frames = _check_shape(description, self._maker)
        model = registry.get("model", description.model.name)
        build = functools.partial(model.build, description.model.params, description.shape, len(self.classes))
        self.feature = self._maker.module()
        self.network = load_model(build, weights)
        self.statistics = tuple(torch.tensor(v)[:, None] for v in (description.mean, description.deviation) if v)

    def predict(
        self,
        audio: str | os.PathLike[str] | npt.ArrayLike,
        sample_rate: int | None = None,
        *,
        calibrated: bool = False,
    ) -> Floats:
        """Return the probability of each genre (classes,), in the order of `classes`.

        Args:
            audio: a file, or a waveform (samples,) or (samples, channels) in -1..1.
            sample_rate: of the waveform, in Hz; None where it is that of the model.
            calibrated: whether probabilities are tempered by the temperature that was fitted on validation.

        Raises:
            BadAudio: a file that cannot be used.
            InputError: no waveform, or one without sound.
        """
        mean = self.timeline(audio, sample_rate).mean
        return self.calibrate(mean) if calibrated else mean

    def timeline(
        self,
        audio: str | os.PathLike[str] | npt.ArrayLike,
        sample_rate: int | None = None,
        *,
        hop: float = 0.0,
    ) -> Timeline:
        """Return the probabilities of each window.

        Args:
            audio: a file, or a waveform (samples,) or (samples, channels) in -1..1.
            sample_rate: of the waveform, in Hz; None where it is that of the model.
            hop: seconds from one clip to the next; 0: the length of a clip.

        Raises:
            BadAudio: a file that cannot be used.
            InputError: no waveform, or one without sound.
        """
        return self.hear(self._clips(audio, sample_rate, hop))

    def embed(self, audio: str | os.PathLike[str] | npt.ArrayLike, sample_rate: int | None = None) -> Floats:
        """Return the vector (dimensions,) that the model's head classifies, the mean over windows.

        Args:
            audio: a file, or a waveform (samples,) or (samples, channels) in -1..1.
            sample_rate: of the waveform, in Hz; None where it is that of the model.

        Raises:
            BadAudio: a file that cannot be used.
            InputError: no waveform, or one without sound; or a model that has no `embed`.
        """
        embed: Any = getattr(self.network, "embed", None)
        if embed is None:
            raise InputError(f"model {self.description.model.name!r} has no embed(x)")
        vectors = [self._through(embed, self._windows(clip)) for clip in self._clips(audio, sample_rate, 0.0)]
        if not vectors:
            raise InputError("the audio holds no sound")
        mean: Floats = torch.cat(vectors).mean(0).numpy()
        return mean

    def calibrate(self, probabilities: npt.NDArray[Any]) -> Floats:
        """Return probabilities (..., classes) tempered by the temperature that was fitted on validation."""
        from genrelab.compare.calibration import with_temperature  # scipy takes long to import

        positive = np.maximum(probabilities.astype(np.float64), np.finfo(np.float64).tiny)
        return with_temperature(positive, self.temperature).astype(np.float32)

    @functools.cached_property
    def temperature(self) -> float:
        """Of calibration, fitted on validation; 1 leaves probabilities as they are."""
        return self._fit() if self._fit else self.description.temperature

    def hear(self, clips: Iterable[Clip]) -> Timeline:
        """Return the probabilities of each window of clips, whose samples are at the model's rate.

        Raises:
            InputError: there are no clips.
            WorkError: the feature cannot represent one, or the model gives no numbers.
        """
        starts, found, seconds = [], [], 0.0
        for clip in clips:
            windows = self._windows(clip)
            found.append(self._through(self.network, windows).softmax(1))
            starts.append(clip.start + self._places() / self.frames * self.description.audio.seconds)
            seconds = max(seconds, clip.start + clip.seconds)
        if not found:
            raise InputError("the audio holds no sound")
        probabilities = torch.cat(found).numpy()
        if not np.isfinite(probabilities).all():
            raise WorkError("the model gives probabilities that are no numbers")
        start = np.concatenate(starts)
        length = self.description.shape[1] / self.frames * self.description.audio.seconds
        return Timeline(start, start + length, probabilities, seconds)

    def _clips(
        self, audio: str | os.PathLike[str] | npt.ArrayLike, sample_rate: int | None, hop: float
    ) -> Iterator[Clip]:
        if isinstance(audio, str | os.PathLike):
            return clips_of_file(os.fspath(audio), self.description.audio, hop)
        return clips_of([self._resampled(np.asarray(audio, np.float32), sample_rate)], self.description.audio, hop)

    def _resampled(self, x: Floats, sample_rate: int | None) -> Floats:
        if x.ndim not in (1, 2) or not len(x) or not np.isfinite(x).all():
            raise InputError(
                f"expected a waveform (samples,) or (samples, channels) of numbers, got shape {x.shape}"
            )
        mono = x if x.ndim == 1 else x.mean(1)
        resampled: Floats = soxr.resample(mono, sample_rate or self.sample_rate, self.sample_rate)
        return resampled

    def _places(self) -> npt.NDArray[np.int64]:
        """Return the frames at which the windows of a clip begin."""
        return Window.of(self.description.audio, self.frames).starts(self.frames)

    def _windows(self, clip: Clip) -> Tensor:
        """Return the windows of a clip as the model is trained to see them: (windows, bins, frames)."""
        stored = self._maker.of(clip.samples)
        if isinstance(stored, Rejected):
            raise WorkError(stored.message)
        x = torch.from_numpy(stored).float()
        if self.statistics:
            mean, deviation = self.statistics
            x = (x - mean) / deviation
        return torch.stack([x[:, i : i + self.description.shape[1]] for i in self._places().tolist()])

    @torch.inference_mode()
    def _through(self, what: Any, windows: Tensor) -> Tensor:
        return torch.cat([what(part).float() for part in torch.split(windows, _AT_ONCE)])


def load(
    path: str | os.PathLike[str],
    *,
    candidate: str | None = None,
    seed: int | None = None,
    registry: Registry | None = None,
) -> Classifier:
    """Load a trained model.

    An exported folder is safe to load whoever made it: nothing in it is run, components are looked up by their
    names among those that are installed or listed in registry.toml, no other file is read, and memory follows what
    the files have, not what they claim.

    Args:
        path: a folder made by `genrelab export`, or a run directory.
        candidate: of a run directory; may be left out where there is only one.
        seed: of the final run; None for the one that is best on validation.
        registry: resolves components; None for that of the working folder.

    Raises:
        InputError: no such model, or one that is damaged, hostile or made of components that are not there.
    """
    folder, registry = Path(path), registry or Registry.discover()
    if (folder / MODEL_FILE).exists() or (folder / MODEL_FILE).is_symlink():
        source = folder / MODEL_FILE
        if (folder / REGISTRY_FILE).exists():  # whoever works in this folder would import what it names
            raise InputError(f"{folder / REGISTRY_FILE}: does not belong into an exported folder; remove it")
        description = parse_description(read_json_safely(source), registry, str(source))
        return Classifier(description, folder / WEIGHTS_FILE, registry)
    if not (folder / "experiment.toml").is_file():
        raise InputError(
            f"{folder}: is neither a run directory (experiment.toml) nor an exported model ({MODEL_FILE})"
        )
    trained = choose(folder, candidate, seed)
    return Classifier(
        describe(trained, registry), trained.weights, registry, functools.partial(fitted_temperature, trained)
    )


def make_clips(description: Description, registry: Registry) -> ClipMaker:
    """Return what computes the feature of a clip, normalised and rounded as it was for the training."""
    choice, rate = description.feature, description.audio.sample_rate
    make = functools.partial(registry.get("feature", choice.name).build, choice.params, rate)
    return ClipMaker(make, description.audio, choice.normalization)


def _check_shape(description: Description, maker: ClipMaker) -> int:
    """Return the frames of a clip; refuse a description whose feature has another shape."""
    check_cost(maker.module(), description.audio)
    bins, frames = maker.shape()
    window = Window.of(description.audio, frames).frames
    if (bins, window) != description.shape:
        raise InputError(
            f"the feature gives windows of {bins} x {window}, the model is made for {description.shape}"
        )
    return frames
