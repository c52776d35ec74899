"""A trained model as one module, from audio or from its feature to probabilities, for exporters to trace."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import attrs
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from genrelab.data.clips import Window
from genrelab.data.normalization import normalize_clips
from genrelab.errors import WorkError
from genrelab.texts import brief
from genrelab.use.any_length import any_length
from genrelab.use.classifier import Classifier

Input = Literal["waveform", "feature"]
AXES = {"waveform": ("batch", "samples"), "feature": ("batch", "bins", "frames")}

_BATCH = 2  # of the example that is traced: of 1, exporters would make a constant


class FromFeature(nn.Module):
    """Features as the model sees them, normalised (batch, bins, frames) -> probabilities (batch, classes)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, feature: Tensor) -> Tensor:
        """Return probabilities."""
        logits: Tensor = self.network(feature)
        return logits.softmax(1)


class FromWaveform(nn.Module):
    """Clips (batch, samples) in -1..1 -> probabilities (batch, classes), as in the test of the study.

    Args:
        classifier: whose feature, normalisation, windows and network.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.feature, self.network = classifier.feature, classifier.network
        self.normalization = classifier.description.feature.normalization
        window = Window.of(classifier.description.audio, classifier.frames)
        self.window = window if window.frames < classifier.frames else None
        mean, deviation = classifier.statistics or (torch.zeros(1, 1), torch.ones(1, 1))
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return probabilities."""
        stored = normalize_clips(self.feature(waveform), self.normalization).half()
        x = (stored.float() - self.mean) / self.deviation
        if self.window is None:
            logits: Tensor = self.network(x)
            return logits.softmax(1)
        windows = _windows(x, self.window)
        logits = self.network(windows.flatten(0, 1))
        return logits.softmax(1).view(x.shape[0], -1, logits.shape[1]).mean(1)


def _windows(x: Tensor, window: Window) -> Tensor:
    """Cut windows as `Window.starts` says, of clips of any length: (batch, windows, bins, frames)."""
    last = x.shape[2] - window.frames
    count = 1 + (last + window.hop - 1) // window.hop
    # Whole numbers, to the nearest and half to the even one: in ONNX a quotient of lengths has only 24 bits.
    parts: Any = torch.sym_max(count - 1, 1)
    places = torch.arange(count) * last
    starts = places // parts
    rest = 2 * (places - starts * parts)
    starts = starts + ((rest > parts) | ((rest == parts) & (starts % 2 == 1))).long()
    return x[:, :, starts[:, None] + torch.arange(window.frames)].transpose(1, 2)


@attrs.frozen
class Traced:
    """A program and what it was made of."""

    program: ExportedProgram
    module: nn.Module
    example: Tensor
    """Of the shape that the study has."""
    input: Input
    fixed: str
    """Why its time axis is as long as in the study; empty where it may have any length."""

    @property
    def axis(self) -> str:
        """Name of its time axis."""
        return AXES[self.input][-1]

    def lengths(self) -> list[int]:
        """Return lengths of the time axis on which it must give what the module does."""
        whole = self.example.shape[-1]
        return [whole] if self.fixed else [whole, whole + whole // 3 + 1, 2 * whole]


def trace(classifier: Classifier, input_: Input, fixed: str = "") -> Traced:
    """Trace a trained model for any batch and any length; for its own length where it cannot do with others.

    Args:
        classifier: the model.
        input_: of the program.
        fixed: why to trace it only for its own length; empty to try any.

    Raises:
        WorkError: torch cannot trace it; the message says why.
    """
    description = classifier.description
    if input_ == "waveform":
        module: nn.Module = FromWaveform(classifier)
        shape: tuple[int, ...] = (round(description.audio.seconds * description.audio.sample_rate),)
    else:
        module, shape = FromFeature(classifier.network), description.shape
    example = 0.1 * torch.randn(_BATCH, *shape, generator=torch.Generator().manual_seed(0))
    module.eval()
    time = len(shape)
    if not fixed:
        try:
            return Traced(_export(module, example, (0, time)), module, example, input_, "")
        except Exception as error:  # whatever a compiler can raise
            fixed = brief(error)
    try:
        return Traced(_export(module, example, (0,)), module, example, input_, fixed)
    except Exception as error:
        raise WorkError(f"torch cannot export {_name(classifier, input_)}: {brief(error)}") from error


def check_equal(traced: Traced, run: Callable[[Tensor], Tensor], what: str, tolerance: float) -> float:
    """Compare what was exported with the module, on several lengths and batches; return the largest difference.

    Raises:
        WorkError: they differ, or what was exported cannot be run.
    """
    worst = 0.0
    random = torch.Generator().manual_seed(1)
    for length in traced.lengths():
        for batch in (1, 3):
            x = 0.1 * torch.randn(batch, *traced.example.shape[1:-1], length, generator=random)
            with torch.inference_mode():
                wanted = traced.module(x)
            try:
                found = run(x)
            except Exception as error:
                raise WorkError(f"{what} cannot be run on the shape {tuple(x.shape)}: {brief(error)}") from error
            worst = max(worst, float((found - wanted).abs().max()))
    if not worst <= tolerance:
        raise WorkError(f"{what} gives probabilities that differ by {worst:.2g} from the model's")
    return worst


def _export(module: nn.Module, example: Tensor, axes: tuple[int, ...]) -> ExportedProgram:
    shapes = (dict.fromkeys(axes, Dim.DYNAMIC),)
    with torch.no_grad(), any_length(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of weights that it takes for assigned
        return torch.export.export(module, (example,), dynamic_shapes=shapes, strict=False)


def _name(classifier: Classifier, input_: Input) -> str:
    description = classifier.description
    feature = f" with feature {description.feature.name!r}" if input_ == "waveform" else ""
    return f"model {description.model.name!r}{feature}"
