"""What a model costs, against numbers computed by hand."""

from __future__ import annotations

import mmap
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from genrelab.training.costs import PeakMemory, multiply_adds
from genrelab_plugins.models import cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm

CPU = torch.device("cpu")
BINS, H, CLASSES = 128, 64, 12


def count(model: nn.Module, shape: tuple[int, int]) -> int:
    return multiply_adds(model, shape, CPU)


def recurrent(gates: int, inputs: int, hidden: int, frames: int) -> int:
    """Two bidirectional layers: each gate sees the input and the state before."""
    return 2 * gates * hidden * frames * ((inputs + hidden) + (2 * hidden + hidden))


def by_hand(name: str, frames: int) -> int:
    half, quarter = frames // 2, frames // 4
    if "1d" in name:
        convolutions = frames * BINS * H * 5 + half * H * 2 * H * 3 + quarter * 2 * H * 4 * H * 3
        inputs, hidden = 4 * H, 2 * H
    else:
        convolutions = frames * BINS * H * 25 + half * (BINS // 2) * H * 2 * H * 9
        convolutions += quarter * (BINS // 4) * 2 * H * 4 * H * 9
        inputs, hidden = 4 * H * BINS // 4, H
    if "lstm" in name:
        return convolutions + recurrent(4, inputs, 128, quarter) + 512 * 128 + 128 * CLASSES
    return convolutions + recurrent(3, inputs, hidden, quarter) + 2 * hidden * H + H * CLASSES


@pytest.mark.parametrize("plugin", [cnn1d_gru, cnn1d_lstm, cnn2d_gru, cnn2d_lstm], ids=lambda p: p.__name__[-10:])
def test_multiply_adds_of_the_four_architectures_are_those_computed_by_hand(plugin):
    name = plugin.__name__.rpartition(".")[2]
    for frames in (130, 66):
        model = plugin.build(plugin.Params(hidden_dim=H), (BINS, frames), CLASSES)
        assert count(model, (BINS, frames)) == by_hand(name, frames)


def test_convolutions_of_the_2d_models_cost_what_was_known_before():
    convolutions = by_hand("cnn2d_gru", 1292) - recurrent(3, 8192, 64, 323) - 128 * 64 - 64 * CLASSES
    assert convolutions == pytest.approx(6.4e9, rel=0.01)


def test_attention_is_counted_also_where_torch_has_a_fused_kernel():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    projections, products, feed_forward = 4 * 16 * 16, 2 * 10 * 16, 2 * 16 * 32  # each of 10 frames
    assert count(layer, (10, 16)) == 10 * (projections + products + feed_forward)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(("layer", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_recurrent_layers_are_counted_by_formula_packed_or_not(layer, gates):
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = layer(5, 7)

        def forward(self, x):
            return self.rnn(pack_sequence([clip[:6] for clip in x]))

    assert count(layer(5, 7), (9, 5)) == 9 * gates * 7 * (5 + 7)
    assert count(Packed(), (9, 5)) == 6 * gates * 7 * (5 + 7)


def test_counting_leaves_no_hook_and_no_statistics_behind():
    model = cnn1d_gru.build(cnn1d_gru.Params(hidden_dim=4), (4, 8), 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count(model, (4, 8))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.rnn._forward_hooks
    assert not model.rnn._forward_pre_hooks


def test_what_is_compiled_is_counted_as_it_was_before(monkeypatch):
    model = nn.Sequential(nn.Linear(6, 5))
    monkeypatch.setattr(torch, "compile", lambda *_, **__: lambda *_: torch.zeros(()))
    model.compile()
    assert model(torch.zeros(4, 6)).shape == ()
    assert count(model, (4, 6)) == 4 * 6 * 5


def test_memory_that_tensors_have_freed_is_kept_until_it_is_given_back():
    code = """
import torch
from genrelab.training.device import give_memory_back, keep_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

keep_memory()
before = resident()
torch.ones(50_000_000)
assert resident() - before > 190e6, "not kept"
give_memory_back()
assert resident() - before < 20e6, "not given back"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_peak_of_memory_is_that_since_it_was_asked_for():
    large = 200_000_000
    peak = PeakMemory(CPU)
    before = peak.read()
    np.frombuffer(mmap.mmap(-1, large), np.uint8)[:] = 1  # new pages, freed at once
    assert peak.read() - before == pytest.approx(large, rel=0.2)
    assert PeakMemory(CPU).read() < before + large // 2
