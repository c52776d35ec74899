"""Components: what a plugin provides, one frozen class for each of the seven kinds.

Every component has a name (unique within its kind), a frozen attrs class of parameters and a function that
builds the thing. `KINDS` is the one list of kinds that the registry, the command line and the tests go by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import attrs

if TYPE_CHECKING:
    import torch
    from torch import nn

    from genrelab.jobs import Job, JobEnd

Subset = Literal["train", "validation", "test"]
SUBSETS: tuple[Subset, ...] = ("train", "validation", "test")


@attrs.frozen
class Track:
    """One audio file of a dataset and what is known of it."""

    id: str
    """Unique within the dataset, stable between runs."""
    path: Path
    label: str
    """The genre."""
    artist: str = ""
    """Whoever must not be on both sides of a split; empty where unknown (then the track stands alone)."""
    split: str = ""
    """The official split: train, validation or test; empty where the dataset has none."""
    title: str = ""
    album: str = ""
    """Empty where unknown."""
    start: float = 0.0
    """Where the track begins in its file, seconds; a file may hold several tracks."""
    duration: float = 0.0
    """How long it is, seconds; 0: to the end of the file."""


@attrs.frozen
class Collection:
    """Tracks, with what the user should know of them: what is left out, which faults are known."""

    tracks: tuple[Track, ...]
    notes: tuple[str, ...] = ()
    """One line each, shown before a study starts and kept with its results."""

    def __iter__(self) -> Iterator[Track]:
        """Go through the tracks."""
        return iter(self.tracks)


@attrs.frozen
class Steps:
    """How long a training is, for schedulers that must know."""

    per_epoch: int
    """Optimizer steps an epoch."""
    epochs: int
    """Epochs at the most (early stopping may end sooner)."""

    @property
    def total(self) -> int:
        """Optimizer steps at the most."""
        return self.per_epoch * self.epochs


class LearningRate(Protocol):
    """What a scheduler builds: any torch.optim.lr_scheduler does."""

    def step(self, *monitored: Any, **_: Any) -> None:
        """Go on by a batch or an epoch; gets the monitored value where `when` is ``monitored``."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""


class TrialExecutor(Protocol):
    """What an executor builds: runs jobs somewhere; their results are files in the job's directory."""

    @property
    def slots(self) -> int:
        """Jobs that can run at once; may change while a study runs."""

    def submit(self, job: Job) -> None:
        """Start a job; called only while fewer than `slots` run."""

    def wait(self, seconds: float) -> list[JobEnd]:
        """Return the jobs that ended, after at most that many seconds; [] where none did."""

    def close(self) -> None:
        """Ask everything that still runs to stop, and end what does not within a minute."""


@attrs.frozen
class Dataset:
    """A collection of labelled audio files."""

    name: str
    params: type
    build: Callable[[Any], Iterable[Track]]
    """(params) -> tracks, in an order that is the same every time; in a `Collection` where there are notes."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""


@attrs.frozen
class Feature:
    """A representation of a waveform, computed once and stored."""

    name: str
    params: type
    build: Callable[[Any, int], nn.Module]
    """(params, sample_rate in Hz) -> module: (batch, samples) float32 in -1..1 -> (batch, bins, frames)."""
    version: int = 1
    """Part of the key of stored features: raise it when the output changes."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""


@attrs.frozen
class Augmentation:
    """A random change of training batches that keeps the genre."""

    name: str
    params: type
    build: Callable[..., nn.Module]
    """(params), for waveforms (params, sample_rate in Hz) -> module: same shape out, identity in eval(), on a whole
    batch, on its device. Its input stays as it is. A method `change_(x) -> x` that does the same and may change its
    input is called where nobody else needs that; modules of domain batch have none."""
    domain: Literal["waveform", "feature", "batch"] = attrs.field(
        default="feature", validator=attrs.validators.in_(("waveform", "feature", "batch"))
    )
    """waveform: changes each clip by itself before its feature is computed: x (batch, samples) -> x; feature: the
    same after it: x (batch, bins, frames) -> x; batch: mixes clips and their soft labels:
    (x, y (batch, classes)) -> (x, y). They are applied in this order."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""

    def make(self, params: Any, sample_rate: int) -> nn.Module:
        """Build the module, with the sample rate if it is one for waveforms."""
        return self.build(params, sample_rate) if self.domain == "waveform" else self.build(params)


@attrs.frozen
class Model:
    """A neural architecture."""

    name: str
    params: type
    build: Callable[[Any, tuple[int, int], int], nn.Module]
    """(params, (bins, frames), classes) -> module: (batch, bins, frames) -> logits (batch, classes).

    Its `embed(x)` gives the pooled vector (batch, dimensions) that the head classifies."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""


@attrs.frozen
class Scheduler:
    """A learning-rate schedule."""

    name: str
    params: type
    build: Callable[[Any, torch.optim.Optimizer, Steps], LearningRate]
    """(params, optimizer, steps) -> an object with step, state_dict and load_state_dict."""
    when: Literal["batch", "epoch", "monitored"] = attrs.field(
        default="epoch", validator=attrs.validators.in_(("batch", "epoch", "monitored"))
    )
    """When `step` is called: after each batch, after each epoch, or after each epoch with the validation loss."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""


@attrs.frozen
class Reporter:
    """A listener to the life-cycle of a study."""

    name: str
    params: type
    build: Callable[[Any], object]
    """(params) -> an object with @hookimpl methods of the life-cycle hooks."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""


@attrs.frozen
class Executor:
    """A place where trials run."""

    name: str
    params: type
    build: Callable[[Any], TrialExecutor]
    """(params) -> an object that runs jobs."""
    known_failures: Mapping[str, str] = attrs.field(factory=dict, eq=False)
    """Checks of `genrelab.testing` that it does not pass -> why."""


Component = Dataset | Feature | Augmentation | Model | Scheduler | Reporter | Executor


@attrs.frozen
class Kind:
    """One kind of component and the names that belong to it."""

    name: str
    plural: str
    """The table of registry.toml, and with `genrelab.` before it the group of entry points."""
    component: type
    promises: tuple[str, ...]
    """What must be there of what its components build."""

    @property
    def hook(self) -> str:
        """The hook by which plugins provide components of this kind."""
        return f"provide_{self.plural}"


_MODULE = ("forward", "eval", "parameters", "state_dict")  # of torch, which is not imported here
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("dataset", "datasets", Dataset, ("__iter__",)),
            Kind("feature", "features", Feature, _MODULE),
            Kind("augmentation", "augmentations", Augmentation, _MODULE),
            Kind("model", "models", Model, _MODULE),
            Kind("scheduler", "schedulers", Scheduler, ("step", "state_dict", "load_state_dict")),
            Kind("reporter", "reporters", Reporter, ()),
            Kind("executor", "executors", Executor, ("slots", "submit", "wait", "close")),
        )
    }
)
