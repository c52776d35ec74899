"""Whether what a training has left is all there: files may have been deleted or cut short since."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genrelab.errors import DamagedError
from genrelab.files import read_arrays, read_lines
from genrelab.jobs import METRICS, PREDICTIONS
from genrelab.training.weights import WEIGHTS, check_weights


def check_whole(folder: Path, result: Mapping[str, Any]) -> None:
    """Compare the files of a training that has ended with its result.

    The weights of trials are not used again, and may be deleted.

    Raises:
        DamagedError: one is gone or damaged.
    """
    if result["status"] not in ("completed", "stopped"):
        return
    epochs = sum(1 for _ in read_lines(folder / METRICS))
    if epochs != result["epochs"]:
        raise DamagedError(f"{folder / METRICS}: holds {epochs} of {result['epochs']} epochs")
    final = "test" in result["metrics"]
    if final or (folder / WEIGHTS).is_file():
        check_weights(folder)
    if final:
        read_arrays(folder / PREDICTIONS)
