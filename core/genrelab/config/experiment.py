"""What an experiment is: frozen classes, one for each table of an experiment file.

`genrelab.config.files` reads files into these classes; everything after that works on them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from genrelab.config.search import METRICS, Dimension, Final, Search, Settings, Space
from genrelab.params import Scalar, one_of, setting, tunable

# Kept here as plain data: the modules that do the work need numpy and torch, and a file is checked without them.
NORMALIZATIONS = ("minmax", "clip", "band", "training_set", "none")
CUTS = ("start", "centre", "segments")
PADS = ("zeros", "repeat", "wrap")
OPTIMIZERS = ("adam", "adamw", "radam", "sgd")
LOSSES = ("cross_entropy", "focal")
CLASS_WEIGHTS = ("none", "inverse", "effective")
SAMPLINGS = ("all", "balanced")
PRECISIONS = ("float32", "bfloat16", "float16")


@attrs.frozen
class Choice:
    """A component that the experiment selects, with its parameters."""

    kind: ClassVar[str]
    name: str
    params: Any
    """An instance of the component's params class."""


@attrs.frozen
class DatasetChoice(Choice):
    """The dataset."""

    kind = "dataset"
    exclude: tuple[str, ...] = setting((), help="genres to leave out")
    licence: str = setting("", help="of the audio, as it is to be told with models that are exported")


@attrs.frozen
class FeatureChoice(Choice):
    """The feature, and what is done to its values before a model sees them."""

    kind = "feature"
    normalization: str = one_of(
        "minmax", NORMALIZATIONS, help="per clip to 0..1, per clip, per clip and band, by the training set, none"
    )


@attrs.frozen
class AugmentChoice(Choice):
    """An augmentation and how often it is applied."""

    kind = "augmentation"
    probability: float = tunable(1.0, low=0.0, high=1.0, help="share of clips it is applied to")


@attrs.frozen
class ModelChoice(Choice):
    """The architecture."""

    kind = "model"


@attrs.frozen
class SchedulerChoice(Choice):
    """A learning-rate schedule; several may act together."""

    kind = "scheduler"


@attrs.frozen
class ReporterChoice(Choice):
    """A listener to the study."""

    kind = "reporter"
    background: bool = setting(True, help="whether it can neither delay nor fail the study; else both")


@attrs.frozen
class ExecutorChoice(Choice):
    """Where trainings run."""

    kind = "executor"


@attrs.frozen
class Audio:
    """How audio is read, and in what pieces a model sees it."""

    sample_rate: int = setting(22050, low=1000, high=192000, help="Hz; audio is mixed to mono and resampled to it")
    seconds: float = setting(30.0, low=0.1, high=3600.0, help="of a clip; longer is cut, shorter padded")
    cut: str = one_of("start", CUTS, help="what is kept of longer audio: its start, its centre, or parts joined")
    segments: int = setting(3, low=2, high=1000, help="these parts, evenly from start to end, equally long")
    pad: str = one_of(
        "zeros", PADS, help="shorter audio: silence after it; whole copies, then silence; copies up to the end"
    )
    min_share: float = setting(0.5, low=0.0, high=1.0, help="of a clip that a file must hold to be used")
    window_seconds: float = setting(
        0.0, low=0.0, high=3600.0, help="a model sees windows of this length; 0: whole clips"
    )
    window_hop_seconds: float = setting(
        0.0, low=0.0, high=3600.0, help="between windows when predicting, at the most; 0: a window's length"
    )


@attrs.frozen
class SplitPlan:
    """Who trains, who chooses, who tests."""

    by: str = one_of(
        "auto",
        ("auto", "artist", "track", "official"),
        help="what never straddles two subsets; auto: artist where artists are known, else track",
    )
    train: float = setting(0.8, low=0.0, high=1.0, help="share of the tracks")
    validation: float = setting(0.1, low=0.0, high=1.0, help="share of the tracks")
    test: float = setting(0.1, low=0.0, high=1.0, help="share of the tracks")
    seed: int = setting(42, low=0, help="seed of the split")
    folds: int = setting(
        0, low=0, high=100, help="parts of about one size, one of which is tested; 0: as `test` says"
    )
    fold: int = setting(1, low=1, high=100, help="which of the folds is tested; the others are learnt from")
    duplicates: str = one_of(
        "keep",
        ("keep", "drop"),
        help="recordings in several subsets: kept there and told of, or left only in the last of them",
    )

    @property
    def fractions(self) -> tuple[float, float, float]:
        """Shares of train, validation and test."""
        return self.train, self.validation, self.test


@attrs.frozen
class Train:
    """How a model is trained."""

    epochs: int = tunable(30, low=1, high=1000, help="epochs at the most")
    batch_size: int = tunable(32, low=1, high=4096, log=True, help="clips a step")
    micro_batch: int = setting(0, low=0, help="clips that go through the model at once; 0: the whole batch")
    sampling: str = one_of("all", SAMPLINGS, help="every clip once an epoch, or drawn so that genres are balanced")
    augment_probability: float = tunable(1.0, low=0.0, high=1.0, help="share of clips that the chain changes")

    optimizer: str = one_of("adam", OPTIMIZERS, help="adam (L2), adamw, radam (decoupled decay), sgd (Nesterov)")
    learning_rate: float = tunable(1e-3, low=1e-6, high=1.0, log=True, help="at the start")
    momentum: float = tunable(0.9, low=0.0, high=0.999, help="of sgd")
    weight_decay: float = tunable(1e-4, low=0.0, high=1.0, help="of the optimizer")
    decay_biases: bool = setting(True, help="whether biases and normalisation layers decay as well")
    clip_norm: float = tunable(0.0, low=0.0, high=1000.0, help="norm that gradients are clipped to; 0: never")
    ema_decay: float = tunable(0.0, low=0.0, high=0.99999, help="of averaged weights, each step; 0: none")

    loss: str = one_of("cross_entropy", LOSSES, help="cross entropy or focal loss")
    focal_gamma: float = tunable(2.0, low=0.0, high=10.0, help="how much the focal loss spares easy clips")
    label_smoothing: float = tunable(0.0, low=0.0, high=0.9, help="share of the label spread over all genres")
    class_weights: str = one_of("none", CLASS_WEIGHTS, help="of the loss, by the clips that a genre has")

    monitor: str = one_of("loss", METRICS, help="validation metric that stops early and picks the best epoch")
    keep: str = one_of("best", ["best", "last"], help="weights that are kept: of the best epoch, or of the last")
    patience: int = tunable(6, low=0, high=1000, help="epochs without a better one before stopping; 0: never")
    min_delta: float = tunable(0.0, low=0.0, high=1.0, help="smallest change that is better, for patience")
    time_limit: float = setting(0.0, low=0.0, help="seconds that a training may take; 0: any")
    checkpoint_minutes: float = setting(0.0, low=0.0, help="minutes between checkpoints within an epoch; 0: none")

    precision: str = one_of("float32", PRECISIONS, help="of the forward pass; float16 only on CUDA")
    tf32: bool = setting(True, help="whether float32 products on CUDA are rounded to 10 bits")
    compile: bool = setting(False, help="whether to train through torch.compile")

    @property
    def clips_at_once(self) -> int:
        """Clips that go through the model at once, training or predicting."""
        return self.micro_batch or self.batch_size


@attrs.frozen
class Recipe:
    """Everything that decides what one training does with its data."""

    feature: FeatureChoice
    model: ModelChoice
    augment: tuple[AugmentChoice, ...]
    scheduler: tuple[SchedulerChoice, ...]
    train: Train


@attrs.frozen
class Candidate:
    """Something to compare: the file's own tables with some of them replaced."""

    name: str
    """What it is called in results: letters, digits, ``.``, ``_`` and ``-``."""
    feature: FeatureChoice | None = None
    model: ModelChoice | None = None
    augment: tuple[AugmentChoice, ...] | None = None
    scheduler: tuple[SchedulerChoice, ...] | None = None
    train: Train | None = None
    """Over the file's, key by key; other tables take the place of the file's as a whole."""
    space: Space = attrs.field(factory=dict)
    """Added to the search's space for this candidate, replacing dimensions of the same name."""
    first: tuple[Settings, ...] = ()
    """Settings to try before those that the search tries first for every candidate."""


@attrs.frozen
class Experiment:
    """An experiment file, read and checked."""

    name: str
    """Of the study: results go to ``runs/NAME``."""
    dataset: DatasetChoice
    feature: FeatureChoice
    candidate: tuple[Candidate, ...]
    """What is compared; where there is none, the file's own model is the one candidate."""
    executor: ExecutorChoice
    reporter: tuple[ReporterChoice, ...]
    model: ModelChoice | None = None
    augment: tuple[AugmentChoice, ...] = ()
    scheduler: tuple[SchedulerChoice, ...] = ()
    audio: Audio = Audio()
    split: SplitPlan = SplitPlan()
    train: Train = Train()
    search: Search = attrs.field(factory=Search)
    final: Final = attrs.field(factory=Final)
    seed: int = setting(0, low=0, help="from which every random stream of every training is derived")
    device: str = setting("auto", help="auto, cpu, cuda, cuda:N or mps")

    def recipe(self, candidate: Candidate) -> Recipe:
        """Return the tables of a candidate: its own where it has them, else the file's."""
        own = {f.name: getattr(candidate, f.name) for f in attrs.fields(Recipe)}
        return Recipe(**{k: getattr(self, k) if v is None else v for k, v in own.items()})

    def space(self, candidate: Candidate) -> Space:
        """Return what is searched for a candidate; where settings are fixed, the values that they have."""
        if self.search.method != "fixed":
            return {**self.search.space, **candidate.space}
        values: dict[str, list[Scalar]] = {}
        for settings in self.first(candidate):
            for name, value in settings.items():
                values.setdefault(name, []).append(value)
        return {name: Dimension(choice=tuple(found)) for name, found in values.items()}

    def first(self, candidate: Candidate) -> tuple[Settings, ...]:
        """Return the settings that are tried first for a candidate."""
        return candidate.first + self.search.first

    def trials(self, candidate: Candidate) -> int:
        """Return how many trials a candidate has at the most."""
        if self.search.method == "fixed":
            return len(self.first(candidate))
        return self.search.trials if self.space(candidate) else 0

    @property
    def trainings(self) -> int:
        """Trainings in all at the most: searches, runs of finalists and final runs."""
        searched = [self.trials(candidate) for candidate in self.candidate]
        return sum(n + self.final.selection_runs(n) + len(self.final.seeds) for n in searched)
