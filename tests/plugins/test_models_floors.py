"""The floors against scikit-learn: standardised statistics, logistic regression, the Gaussian kernel."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genrelab_plugins.models._statistics import RandomFeatures, Standardize, Statistics

# Bins as those of MFCC: far from 0, of very different spread, one that never moves.
SCALE = torch.tensor([80.0, 30.0, 3.0, 0.0])[:, None]
LEVEL = torch.tensor([-300.0, 90.0, 0.0, -80.0])[:, None]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def clips(count=61, frames=20):
    """Draw clips whose level, spread and speed differ, and their classes."""
    classes = torch.arange(count) % 3
    level = torch.randn(count, 4, 1) + 0.5 * classes[:, None, None]
    noise = torch.randn(count, 4, frames) * torch.rand(count, 4, 1)
    return LEVEL + SCALE * (level + noise), classes


def build(name, classes=3, **params):
    plugin = import_module(f"genrelab_plugins.models.{name}")
    return plugin.build(plugin.Params(**params), (4, 20), classes)


def by_hand(x, deltas):
    x = x.double().numpy()
    parts = [x.mean(2), x.std(2)]
    if deltas:
        parts.append(np.sqrt((np.diff(x, axis=2) ** 2).mean(2)))
    return np.concatenate(parts, 1)


def fit(model, x, y, penalty):
    """Minimise the summed cross entropy and the penalty on the head's weights, as scikit-learn does."""
    model.train()(x)
    model.eval()
    optimizer = torch.optim.LBFGS(model.head.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y, reduction="sum")
        loss = loss + penalty / 2 * model.head.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return model


@pytest.mark.parametrize("deltas", [False, True])
def test_statistics_learned_in_batches_are_those_of_scikit_learn(deltas):
    x, _ = clips()
    module = Statistics(4, deltas)
    for batch in torch.split(x, 9):
        module(batch)
    expected = StandardScaler().fit_transform(by_hand(x, deltas))
    torch.testing.assert_close(module.eval()(x), torch.tensor(expected).float(), atol=2e-3, rtol=1e-3)


def test_a_second_epoch_changes_nothing_that_was_learned():
    x, _ = clips()
    module = Statistics(4, deltas=True)
    once = [module(b) for b in torch.split(x, 9)] and module.eval()(x)
    module.train()
    for batch in torch.split(x[torch.randperm(len(x))], 7):
        module(batch)
    torch.testing.assert_close(module.eval()(x), once, atol=1e-3, rtol=1e-3)


def test_standardize_follows_an_average_of_weights():
    module = Standardize(3)
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True)
    for _ in range(20):
        module(torch.randn(32, 3) * 4 + 10)
        average.update_parameters(module)
    x = torch.randn(5, 3) * 4 + 10
    torch.testing.assert_close(average.module.eval()(x), module.eval()(x), atol=0.2, rtol=0.1)


def test_a_gradient_reaches_the_clip_where_nothing_moves():
    x = torch.full((2, 4, 20), -80.0, requires_grad=True)
    build("stats_logistic", deltas=True).eval()(x).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_the_logistic_model_is_that_of_scikit_learn():
    x, y = clips()
    ours = fit(build("stats_logistic"), x, y, penalty=1.0)(x).softmax(1)
    values = StandardScaler().fit_transform(by_hand(x, deltas=False))
    theirs = LogisticRegression(C=1.0, max_iter=1000).fit(values, y).predict_proba(values)
    torch.testing.assert_close(ours, torch.tensor(theirs).float(), atol=5e-3, rtol=0)


def test_random_features_approximate_the_kernel():
    x = torch.randn(20, 6)
    z = RandomFeatures(6, 200_000, gamma=1.5, gain=2.0)(x)
    expected = 4 * rbf_kernel(x.numpy(), gamma=1.5 / 6)
    torch.testing.assert_close(z @ z.T, torch.tensor(expected), atol=0.05, rtol=0)


def test_the_kernel_model_separates_what_a_line_cannot_as_an_svm_does():
    rings = torch.rand(120, 1, 1) * 6.3
    radius = 1 + 2.0 * (torch.arange(120) % 2)[:, None, None] + 0.2 * torch.randn(120, 1, 1)
    x = torch.cat([radius * rings.cos(), radius * rings.sin(), *[torch.zeros(120, 1, 1)] * 2], 1).expand(-1, -1, 20)
    y = torch.arange(120) % 2
    ours = fit(build("stats_kernel", classes=2), x[:80], y[:80], penalty=1.0)(x[80:]).argmax(1)
    values = StandardScaler().fit_transform(by_hand(x, deltas=False))
    theirs = SVC().fit(values[:80], y[:80]).predict(values[80:])
    assert (ours.numpy() == theirs).mean() > 0.95
    assert (ours == y[80:]).float().mean() > 0.95
    line = fit(build("stats_logistic", classes=2), x[:80], y[:80], penalty=1.0)(x[80:]).argmax(1)
    assert (line == y[80:]).float().mean() < 0.7


def test_the_majority_model_learns_the_shares_of_the_classes():
    y = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    model = fit(build("majority"), torch.rand(10, 4, 20), y, penalty=0.0)
    probabilities = model(torch.randn(7, 4, 20)).softmax(1)
    torch.testing.assert_close(probabilities, torch.tensor([[0.5, 0.3, 0.2]]).expand(7, -1), atol=1e-3, rtol=0)
