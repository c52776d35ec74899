"""What a trained model is: everything but its weights, as it stands in the model.json of an exported folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from genrelab.config.choices import structure
from genrelab.config.experiment import Audio, FeatureChoice, ModelChoice
from genrelab.errors import InputError
from genrelab.params import setting
from genrelab.plugins.registry import Registry

FORMAT = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"

_LARGEST_JSON = 1 << 20  # bytes: a hundred times what it takes
_LARGEST_CLIP = 1 << 26  # samples: 50 minutes at 22,050 Hz
_LARGEST_WINDOW = 1 << 23  # values: two hours of 128 bands at 22,050 Hz, or three minutes of waveform


@attrs.frozen
class Description:
    """A trained model without its weights."""

    feature: FeatureChoice
    model: ModelChoice
    audio: Audio
    classes: tuple[str, ...]
    shape: tuple[int, int]
    """(bins, frames) of what the model sees at once."""
    mean: tuple[float, ...] = ()
    """Of each bin over the training set, by which features are standardised; empty where they are not."""
    deviation: tuple[float, ...] = ()
    temperature: float = setting(1.0, low=0.05, high=20.0, help="by which probabilities are calibrated")
    study: str = ""
    candidate: str = ""
    seed: int = 0
    licence: str = ""
    """Of the training data, as the experiment gives it."""
    feature_version: int = 0
    """Of the feature's code; 0 where unknown."""
    format: int = FORMAT


def facts(description: Description) -> dict[str, Any]:
    """Return what must be known to use an exported program where there is no genrelab."""
    names = {"classes": description.classes, "temperature": description.temperature}
    return {**names, "sample_rate": description.audio.sample_rate}


def parse_description(data: Any, registry: Registry, source: str) -> Description:
    """Turn plain values into a description that can be used, whoever wrote them.

    Names are looked up in the registry, so only what the user has installed or listed is ever imported; values are
    checked like those of an experiment file.

    Raises:
        InputError: the message lists what is wrong.
    """
    if isinstance(data, dict) and data.get("format", FORMAT) != FORMAT:
        raise InputError(
            f"{source}: format {data['format']!r} is not {FORMAT}: another version of genrelab wrote it"
        )
    found = structure(data, Description, registry, source)
    for problem in (*_problems_of_classes(found), *_problems_of_size(found), *_outside(found)):
        raise InputError(f"{source}: {problem}")
    version = registry.get("feature", found.feature.name).version
    if found.feature_version not in (0, version):
        raise InputError(
            f"{source}: was trained on version {found.feature_version} of feature {found.feature.name!r}, this is "
            f"version {version}: its numbers would be wrong"
        )
    return found


def read_json_safely(file: Path) -> Any:
    """Read a JSON file that a stranger may have made.

    Raises:
        InputError: no regular file, too large, or no JSON.
    """
    check_regular(file)
    if file.stat().st_size > _LARGEST_JSON:
        raise InputError(f"{file}: is larger than {_LARGEST_JSON:,} bytes: not what genrelab writes")
    try:
        return parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def parse_json(text: str) -> Any:
    """Parse strict JSON (no NaN, no depth without end).

    Raises:
        ValueError: no JSON.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def check_regular(file: Path) -> None:
    """Refuse what is no regular file: a link may lead out of its folder, a pipe may never end.

    Raises:
        InputError: it is none, or there is nothing.
    """
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise InputError(f"{file}: is not a regular file")
    if not file.exists():
        raise InputError(f"{file}: there is no such file")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _problems_of_classes(found: Description) -> list[str]:
    if len(set(found.classes)) < max(1, len(found.classes)):
        return ["classes: expected at least one genre, each once"]
    return [f"classes: {name!r} has characters that cannot be printed" for name in found.classes if _hidden(name)]


def _hidden(text: str) -> bool:
    return not text.isprintable()


def _problems_of_size(found: Description) -> list[str]:
    """Say which sizes cannot be: memory follows them."""
    problems, (bins, frames) = [], found.shape
    if not (bins > 0 and frames > 0 and bins * frames <= _LARGEST_WINDOW):
        problems.append(f"shape: {bins} x {frames} is no shape of a feature, or too large")
    if found.audio.seconds * found.audio.sample_rate > _LARGEST_CLIP:
        problems.append(f"audio: a clip of {found.audio.seconds:g} s at {found.audio.sample_rate} Hz is too long")
    if (
        not len(found.mean)
        == len(found.deviation)
        == (bins if found.feature.normalization == "training_set" else 0)
    ):
        problems.append("mean, deviation: expected a value for each bin where normalization is 'training_set'")
    if any(value <= 0 for value in found.deviation):
        problems.append("deviation: expected positive values")
    return problems


def _outside(found: Description) -> list[str]:
    """Refuse parameters that name files or addresses: a model that was trained has all it needs in its weights."""
    given = {**attrs.asdict(found.feature.params), **attrs.asdict(found.model.params)}
    texts = [(name, text) for name, value in given.items() for text in _texts(value)]
    return [f"{name}: {text!r} names a file or an address" for name, text in texts if "/" in text or "\\" in text]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [t for pair in value.items() for part in pair for t in _texts(part)]
    return [t for part in value for t in _texts(part)] if isinstance(value, list | tuple) else []
