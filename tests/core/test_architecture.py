"""Layers of a model as they are called, and the picture of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from genrelab.architecture.layers import layers
from genrelab.architecture.picture import blocks, draw
from genrelab.errors import InputError
from genrelab.plugins.registry import Registry
from tests.conftest import ROOT, Command


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
        self.same = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.unused = nn.Linear(7, 7)
        self.head = nn.Linear(4, 5)

    def forward(self, x: Any) -> Any:
        y = self.body(x[:, None]).mean(2).transpose(1, 2)
        for layer in self.same:
            y = layer(y)
        return self.head(self.attention(y, y, y)[0].mean(1))


def test_layers_are_those_that_are_called_in_that_order_with_their_shapes() -> None:
    net = Net()
    found = layers(net, torch.zeros(1, 10, 22))
    assert [(x.name, x.type, x.shape_out, x.parameters) for x in found] == [
        ("body.0", "Conv2d", (4, 8, 20), 40),
        ("body.1", "BatchNorm2d", (4, 8, 20), 8),
        ("body.2", "ReLU", (4, 8, 20), 0),
        ("body.3", "MaxPool2d", (4, 4, 10), 0),
        *((f"same.{i}", "Linear", (10, 4), 20) for i in range(3)),
        ("attention", "MultiheadAttention", (10, 4), 80),
        ("head", "Linear", (5,), 25),
    ]
    assert not any(module._forward_hooks for module in net.modules())


def test_a_block_is_a_layer_with_what_follows_it_and_equal_ones_are_one() -> None:
    found = blocks(layers(Net(), torch.zeros(1, 10, 22)))
    assert [block.text for block in found] == [
        "Conv2d 1 → 4, 3×3\nBatchNorm2d · ReLU · MaxPool2d 2",
        "Linear 4 → 4 × 3",
        "MultiheadAttention",
        "Linear 4 → 5",
    ]


@pytest.mark.parametrize("name", Registry.discover(start=ROOT).names("model"))
def test_every_model_that_ships_can_be_drawn(name: str, tmp_path: Path) -> None:
    component = Registry.discover(start=ROOT).get("model", name)
    try:
        shape = (96, 256)
        model = component.build(component.params(), shape, 7)
    except InputError:
        shape = (1, 66_150)
        model = component.build(component.params(), shape, 7)
    found = layers(model, torch.zeros(1, *shape))
    assert found[-1].shape_out == (7,)
    draw(found, name, "costs", shape, tmp_path / "model.svg")
    assert ElementTree.parse(tmp_path / "model.svg").getroot().tag.endswith("svg")


def test_show_gives_layers_parameters_and_multiply_adds_for_a_feature(genrelab: Command, tmp_path: Path) -> None:
    done = genrelab("show", "model/cnn2d_gru", "--picture", "model.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
    line = next(line for line in done.stdout.splitlines() if line.startswith("rnn "))
    assert line.split() == ["rnn", "GRU", "323", "x", "128", "3,245,568"]
    # published: 3,626,188 parameters; by hand: 1,600 x 1292 x 128 + 73,728 x 646 x 64 + 294,912 x 323 x 32
    # + 3,244,032 x 323 (GRU without biases) + 128 x 64 + 64 x 12
    assert "3,626,188 parameters, 7,408,853,760 multiply-adds a clip" in done.stdout
    small = genrelab("show", "model/cnn2d_gru", "--shape", "64x130", "--classes", "8").stdout
    assert "64 x 130 (bins x frames) and 8 classes" in small


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--shape", "128"], "'128' is not bins x frames"),
        (["--shape", "2x2"], "at least 4 x 4"),
        (["--picture", "model.gif"], "ends in .svg, .png, .pdf"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(genrelab: Command, arguments: list[str], said: str) -> None:
    done = genrelab("show", "model/cnn2d_gru", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
