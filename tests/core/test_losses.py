"""Losses against torch's own, weights of classes, and the order of an epoch."""

from __future__ import annotations

import attrs
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from genrelab.config.experiment import Train
from genrelab.training.losses import class_weights, draw_order, focal_loss, make_loss
from genrelab.training.seeds import generator

COUNTS = torch.tensor([10, 20, 70])


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return 2 * torch.randn(16, 3), torch.randint(3, (16,))


@pytest.mark.parametrize("kind", ["none", "inverse", "effective"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_hard_labels_give_the_cross_entropy_of_torch(batch, kind: str, smoothing: float, loss: str) -> None:
    logits, y = batch
    settings = Train(loss=loss, focal_gamma=0.0, label_smoothing=smoothing, class_weights=kind)
    found = make_loss(settings, COUNTS)(logits, F.one_hot(y, 3).float())
    wanted = F.cross_entropy(logits, y, class_weights(COUNTS, kind), label_smoothing=smoothing, reduction="none")
    torch.testing.assert_close(found, wanted)


def test_the_focal_loss_is_the_cross_entropy_times_a_power_of_what_is_missing(batch) -> None:
    logits, y = batch
    p = logits.softmax(1)[torch.arange(16), y]
    found = focal_loss(logits, F.one_hot(y, 3).float(), torch.ones(3), gamma=2.0)
    torch.testing.assert_close(found, -((1 - p) ** 2) * p.log())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_focal_loss_of_certain_clips_has_a_finite_gradient(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0], [-200.0, 0.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([[1.0, 0.0]] * 2), torch.ones(2), gamma=gamma).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_loss_of_a_mixed_label_is_the_mixture_of_losses(batch) -> None:
    logits, y = batch
    loss = make_loss(Train(class_weights="inverse"), COUNTS)
    a, b = F.one_hot(y, 3).float(), F.one_hot((y + 1) % 3, 3).float()
    torch.testing.assert_close(loss(logits, 0.3 * a + 0.7 * b), 0.3 * loss(logits, a) + 0.7 * loss(logits, b))


@pytest.mark.parametrize("kind", ["none", "inverse", "effective"])
def test_class_weights_have_mean_1_over_the_clips_and_absent_genres_do_no_harm(kind: str) -> None:
    for counts in (COUNTS, torch.tensor([5, 0, 100])):
        weights = class_weights(counts, kind)
        assert weights.isfinite().all()
        assert (weights * counts).sum().item() == pytest.approx(counts.sum().item(), rel=1e-5)


def test_class_weights_are_those_of_the_papers() -> None:
    inverse, effective = class_weights(COUNTS, "inverse"), class_weights(COUNTS, "effective")
    torch.testing.assert_close(inverse * COUNTS, torch.full((3,), 100 / 3))
    number = (1 - 0.999 ** COUNTS.double()) / (1 - 0.999)
    torch.testing.assert_close((effective * number).float() / (effective[0] * number[0]).float(), torch.ones(3))


def test_balanced_sampling_draws_every_genre_equally_often_and_all_takes_every_clip_once() -> None:
    labels = torch.repeat_interleave(torch.arange(3), COUNTS * 100)
    balanced = draw_order(labels, "balanced", generator(1))
    shares = torch.bincount(labels[balanced]) / len(labels)
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.02)
    assert len(balanced.unique()) < len(labels)
    assert torch.equal(draw_order(labels, "all", generator(1)).sort().values, torch.arange(len(labels)))
    assert torch.equal(balanced, draw_order(labels, "balanced", generator(1)))


def test_the_table_of_a_loss_is_checked() -> None:
    with pytest.raises(ValueError, match="loss"):
        attrs.evolve(Train(), loss="hinge")
