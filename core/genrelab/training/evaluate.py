"""What a model makes of a subset: probabilities for each clip, and the scores of them."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from genrelab.components import Subset
from genrelab.data.clips import Clips
from genrelab.training.metrics import confusion_matrix, scores


@attrs.frozen
class Evaluation:
    """Predictions on a subset and what they are worth."""

    probabilities: npt.NDArray[np.float32]
    """(clips, classes), in the order of the subset's tracks."""
    confusion: npt.NDArray[np.int64]
    """Counts (true genre, predicted genre)."""
    scores: dict[str, float]


def evaluate(model: nn.Module, clips: Clips, subset: Subset, batch_size: int) -> Evaluation:
    """Predict every clip of a subset in eval mode; the loss is the mean cross entropy over clips."""
    model.eval()
    outputs: list[Any] = []
    with torch.inference_mode():
        for x, _ in clips.batches(subset, batch_size):
            outputs.append(model(x).float())
        logits = torch.cat(outputs)
        targets = clips.targets(subset)
        loss = float(F.cross_entropy(logits, targets, reduction="none").double().mean())
        probabilities = logits.softmax(1).cpu().numpy()
    confusion = confusion_matrix(targets.cpu().numpy(), probabilities.argmax(1), len(clips.classes))
    return Evaluation(probabilities, confusion, scores(confusion, loss))
