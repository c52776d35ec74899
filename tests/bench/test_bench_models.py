"""Forward and backward pass of every model, and of the four of the study against the same written plainly."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from torch import nn

from genrelab.plugins.registry import Registry
from genrelab.training.device import keep_memory
from genrelab_plugins.models import cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm
from tests.conftest import ROOT

PLUGINS = {"cnn1d_gru": cnn1d_gru, "cnn1d_lstm": cnn1d_lstm, "cnn2d_gru": cnn2d_gru, "cnn2d_lstm": cnn2d_lstm}


class Plain(nn.Module):
    """The textbook order: convolution, normalisation, ReLU, pooling; channels before space."""

    def __init__(self, name, bins, h, layers, p, classes):
        super().__init__()
        self.flat, self.lstm = "1d" in name, "lstm" in name
        conv, norm, pool, drop = (
            (nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d, nn.Dropout)
            if self.flat
            else (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.Dropout2d)
        )
        self.conv1, self.norm1 = conv(bins if self.flat else 1, h, 5, padding="same"), norm(h)
        self.conv2, self.norm2 = conv(h, 2 * h, 3, padding="same"), norm(2 * h)
        self.conv3, self.norm3 = conv(2 * h, 4 * h, 3, padding="same"), norm(4 * h)
        self.pool, self.drop = pool(2), drop(p)
        inputs = 4 * h if self.flat else 4 * h * (bins // 4)
        hidden = 128 if self.lstm else 2 * h if self.flat else h
        self.rnn = (nn.LSTM if self.lstm else nn.GRU)(
            inputs, hidden, layers, batch_first=True, bidirectional=True, dropout=0.0 if self.flat else p
        )
        width = 128 if self.lstm else h
        self.linear1 = nn.Linear(4 * hidden if self.lstm else 2 * hidden, width)
        self.linear2, self.drop2 = nn.Linear(width, classes), nn.Dropout(0.3 if self.lstm else p)

    def forward(self, x):
        x = x if self.flat else x.transpose(1, 2)[:, None]
        x = self.pool(torch.relu(self.norm1(self.conv1(x))))
        x = self.pool(torch.relu(self.norm2(self.conv2(x))))
        x = self.drop(torch.relu(self.norm3(self.conv3(x))))
        x = x.transpose(1, 2) if self.flat else x.permute(0, 2, 3, 1).flatten(2)
        states, _ = self.rnn(x)
        pooled = states.mean(dim=1)
        if self.lstm:
            pooled = torch.cat([pooled, states.max(dim=1).values], dim=1)
        return self.linear2(self.drop2(torch.relu(self.linear1(pooled))))


def pair(name, bins, frames, h, p, classes=12):
    """Return our model and the plain one, with the same weights."""
    torch.manual_seed(0)
    params = PLUGINS[name].Params(hidden_dim=h, num_layers=2, dropout=p)
    ours, plain = PLUGINS[name].build(params, (bins, frames), classes), Plain(name, bins, h, 2, p, classes)
    plain.load_state_dict(dict(zip(plain.state_dict(), ours.state_dict().values(), strict=True)))
    return ours, plain


def gradients(model, x, labels):
    model.zero_grad()
    nn.functional.cross_entropy(model(x), labels).backward()
    return [p.grad for p in model.parameters()]


@pytest.mark.parametrize("name", PLUGINS)
def test_ours_computes_what_the_plain_model_does(name):
    ours, plain = pair(name, bins=18, frames=30, h=6, p=0.0)
    ours.head[2].p = plain.drop2.p = 0.0  # the LSTM heads drop out 0.3 whatever is asked
    x, labels = torch.rand(5, 18, 30), torch.arange(5)
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients(ours, x, labels), gradients(plain, x, labels), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("which", ["ours", "plain"])
@pytest.mark.parametrize("name", PLUGINS)
def test_forward_and_backward(name, which, benchmark):
    torch.set_num_threads(1)
    benchmark.group = name
    ours, plain = pair(name, bins=128, frames=130, h=64, p=0.3)
    model = ours if which == "ours" else plain
    x, labels = torch.rand(16, 128, 130), torch.arange(16) % 12
    benchmark.pedantic(gradients, (model, x, labels), rounds=5, warmup_rounds=1)


def step_seconds(name: str, which: str) -> float:
    """Return CPU seconds of a forward and backward pass: plain, or ours as in a training, with memory kept."""
    torch.set_num_threads(1)
    ours, plain = pair(name, bins=128, frames=130, h=64, p=0.3)
    model = plain
    if which == "ours":
        model = ours
        keep_memory()
    x, labels = torch.rand(16, 128, 130), torch.arange(16) % 12
    gradients(model, x, labels)
    taken = []
    for _ in range(4):
        begun = time.process_time()
        gradients(model, x, labels)
        taken.append(time.process_time() - begun)
    return min(taken)


@pytest.mark.parametrize("name", PLUGINS)
def test_a_step_costs_less_than_written_plainly(name, benchmark):
    """Each in processes of its own, in turns: what one keeps of memory, the other must not find."""
    taken = {"plain": [], "ours": []}
    for which in list(taken) * 2:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            taken[which].append(pool.submit(step_seconds, name, which).result())
    plain, ours = (min(seconds) for seconds in taken.values())
    benchmark.extra_info["plain"], benchmark.extra_info["ours"] = plain, ours
    benchmark.pedantic(lambda: None)
    print(f"\n{name}: {1e3 * plain:.0f} ms plain, ours {1e3 * ours:.0f} ms: {plain / ours:.2f} times as fast")
    assert plain / ours > (1.25 if "2d" in name else 0.95)


registry = Registry.discover(start=ROOT)


@pytest.mark.parametrize("name", registry.names("model"))
def test_every_model(name, benchmark):
    """At its defaults on clips of about 3 s; the reference of the group is `crnn`."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    benchmark.group = "all models"
    component = registry.get("model", name)
    shape = (1, 59_049) if name == "sample_cnn" else (96, 130)
    model = component.build(component.params(), shape, 12)
    x, labels = torch.rand(4, *shape), torch.arange(4)
    benchmark.extra_info["parameters"] = sum(p.numel() for p in model.parameters())
    benchmark.pedantic(gradients, (model, x, labels), rounds=3, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["clips_a_second"] = len(x) / benchmark.stats.stats.min
