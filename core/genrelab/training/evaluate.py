"""What a model makes of a subset: probabilities for each clip, and the scores of them."""

from __future__ import annotations

import math

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from genrelab.components import Subset
from genrelab.data.clips import Clips
from genrelab.training.metrics import confusion_matrix, scores
from genrelab.training.processes import ALONE, Processes


@attrs.frozen
class Evaluation:
    """Predictions on a subset and what they are worth."""

    probabilities: npt.NDArray[np.float32]
    """(clips, classes), in the order of the subset's tracks."""
    confusion: npt.NDArray[np.int64]
    """Counts (true genre, predicted genre)."""
    scores: dict[str, float]


def evaluate(
    model: nn.Module, clips: Clips, subset: Subset, batch_size: int, processes: Processes = ALONE
) -> Evaluation:
    """Predict every clip of a subset in eval mode.

    A clip's prediction is the mean of the probabilities of its windows (Won et al., Evaluation of CNN-based
    Automatic Music Tagging Models, SMC 2020, arXiv:2006.00751); the loss is the mean cross entropy of that
    prediction over clips.

    Args:
        model: (batch, bins, frames) -> logits (batch, classes).
        clips: what to predict.
        subset: which of them.
        batch_size: windows that go through the model at once.
        processes: that share the work; all get the same result.
    """
    model.eval()
    with torch.inference_mode():
        shape = clips.count(subset), clips.windows_per_clip, len(clips.classes)
        logits = torch.zeros(shape[0] * shape[1], shape[2], device=clips.device)
        mine = torch.split(logits, batch_size)[processes.rank :: processes.size]
        for part, x in zip(mine, clips.windows(subset, batch_size, processes.rank, processes.size), strict=True):
            part.copy_(model(x))
        log_p = processes.sum(logits).log_softmax(1).view(shape).logsumexp(1) - math.log(clips.windows_per_clip)
        targets = clips.targets(subset)
        loss = float(F.nll_loss(log_p, targets, reduction="none").double().mean())
        probabilities = log_p.exp().cpu().numpy()
    confusion = confusion_matrix(targets.cpu().numpy(), probabilities.argmax(1), len(clips.classes))
    return Evaluation(probabilities, confusion, scores(confusion, loss))
