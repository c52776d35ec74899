"""What the best weights of a training make of clips before they decide: pooled vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from genrelab.components import Subset
from genrelab.data.clips import Clips
from genrelab.errors import WorkError
from genrelab.plugins.registry import Registry
from genrelab.texts import brief
from genrelab.training.device import resolve
from genrelab.training.job import open_job, read_job
from genrelab.training.weights import WEIGHTS, load_weights


def load_trained(directory: Path, registry: Registry) -> tuple[nn.Module, Clips, int]:
    """Open a training: the model with its best weights, the clips of its study, and how many fit at once.

    Args:
        directory: of its job.
        registry: resolves its components.

    Raises:
        InputError: a component is unknown.
        WorkError: there are no weights, they do not fit, or the feature store has been deleted.
    """
    try:
        job, _ = read_job(directory, registry)
        clips, model = open_job(directory, job, registry, resolve("auto"))  # wherever the training ran
        load_weights(directory, model)
    except (OSError, RuntimeError) as error:  # a file that is gone; weights of another shape
        raise WorkError(f"{directory / WEIGHTS}: cannot be used: {brief(error)}") from error
    return model, clips, job.recipe.train.clips_at_once


def embed(model: nn.Module, clips: Clips, subset: Subset, batch_size: int) -> npt.NDArray[np.float32]:
    """Return the pooled vector of every clip of a subset, the mean over its windows: (clips, dimensions).

    Args:
        model: with `embed`: (batch, bins, frames) -> (batch, dimensions).
        clips: of a study.
        subset: which of them.
        batch_size: windows that go through the model at once.

    Raises:
        WorkError: the model has no `embed`.
    """
    pooled = getattr(model, "embed", None)
    if pooled is None:
        raise WorkError(f"the model {type(model).__name__} has no embed(x)")
    model.eval()
    with torch.inference_mode():
        vectors = torch.cat([pooled(x).float() for x in clips.windows(subset, batch_size)])
        mean: npt.NDArray[np.float32] = (
            vectors.view(clips.count(subset), -1, vectors.shape[1]).mean(1).cpu().numpy()
        )
    return mean
