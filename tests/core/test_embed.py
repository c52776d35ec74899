"""Embeddings of the best weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from genrelab.errors import WorkError
from genrelab.training.embed import embed


class Windows:
    """Clips of one bin, each cut into windows of one frame."""

    windows_per_clip = 2
    x = torch.tensor([1.0, 3.0, 10.0, 20.0]).view(4, 1, 1)

    def count(self, subset: str) -> int:
        return 2

    def windows(self, subset: str, batch_size: int):
        return iter(self.x.split(batch_size))


class Plain(nn.Module):
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x[:, 0], -x[:, 0]], 1)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_a_clip_has_the_mean_of_its_windows(batch_size: int) -> None:
    found = embed(Plain(), Windows(), "test", batch_size)  # type: ignore[arg-type]
    assert np.array_equal(found, np.array([[2, -2], [15, -15]], np.float32))


def test_a_model_without_embeddings_is_named() -> None:
    with pytest.raises(WorkError, match=r"the model Linear has no embed\(x\)"):
        embed(nn.Linear(1, 1), Windows(), "test", 1)  # type: ignore[arg-type]


def test_the_embedding_comes_from_the_best_weights(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded again gives the probabilities that were kept when it was tested."""
    import genrelab.training.embed as module
    from genrelab.config.files import load
    from genrelab.plugins.registry import Registry
    from genrelab.study.run import run_study
    from genrelab.training.evaluate import evaluate

    monkeypatch.chdir(toy)
    registry = Registry.discover([])
    small = ["search.trials=1", "train.epochs=2", "final.seeds=[1]"]
    run_study(load(Path("toy.toml"), registry, small), registry, Path("run"), Path("store"))
    folder = Path("run/candidates/wide/final/seed-1")
    model, clips, at_once = module.load_trained(folder, registry)
    kept = np.load(folder / "predictions.npz")["probabilities"]
    np.testing.assert_allclose(evaluate(model, clips, "test", at_once).probabilities, kept, atol=1e-6)
    assert module.embed(model, clips, "test", at_once).shape == (len(kept), 32)
    (folder / "best.safetensors").unlink()
    with pytest.raises(WorkError, match=r"best.safetensors: cannot be used"):
        module.load_trained(folder, registry)
