"""A block diagram of a model: a box for each layer with what follows it, read down the columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from genrelab.architecture.layers import Layer, Shape

WIDTH, HEIGHT, GAP = 3.4, 0.62, 0.42  # of a box and between boxes, inches
ROWS = 8  # boxes in a column
LETTERS = 52  # in a line of a box
COLOURS = (
    (r"Conv", "#cfe3f7"),
    (r"GRU|LSTM|RNN", "#d5efd3"),
    (r"Attention|Transformer", "#e6d9f2"),
    (r"Linear", "#fbe3c6"),
    (r"", "#e8e8e8"),
)


@attrs.frozen
class Block:
    """A layer with weights, and what follows it."""

    head: Layer
    follows: tuple[str, ...]
    shape_out: Shape
    times: int = 1

    @property
    def text(self) -> str:
        """Two lines: the layer, and what follows it."""
        times = f" × {self.times}" if self.times > 1 else ""
        first = f"{self.head.type} {_short(self.head.settings)}".strip() + times
        return "\n".join([first, *textwrap.wrap(" · ".join(self.follows), LETTERS)])


def blocks(layers: Sequence[Layer]) -> list[Block]:
    """Gather layers into blocks, and equal blocks that follow each other into one."""
    single: list[Block] = []
    for layer in layers:
        if layer.main or not single:
            single.append(Block(layer, (), layer.shape_out))
        else:
            last = single.pop()
            single.append(attrs.evolve(last, follows=(*last.follows, _name(layer)), shape_out=layer.shape_out))
    found: list[Block] = []
    for block in single:
        if found and _alike(found[-1], block):
            found[-1] = attrs.evolve(found[-1], times=found[-1].times + 1)
        else:
            found.append(block)
    return found


def draw(layers: Sequence[Layer], title: str, costs: str, shape: Shape, file: Path) -> None:
    """Write a picture; the file's ending (.svg, .png, .pdf) decides its format.

    Args:
        layers: in the order in which they are called.
        title: the model's name.
        costs: a line below it.
        shape: of the feature, (bins, frames).
        file: where to write it.
    """
    boxes = blocks(layers)
    columns = max(1, -(-len(boxes) // ROWS))
    rows = -(-len(boxes) // columns)
    width, height = max(columns * (WIDTH + GAP) + GAP, 4.2), rows * (HEIGHT + GAP) + GAP + 0.8
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    _write(axes, GAP, height - 0.25, title, 11, weight="bold")
    _write(axes, GAP, height - 0.48, costs, 8)
    before, x, top = shape, GAP, height - 1.05
    for number, box in enumerate(boxes):
        column, row = divmod(number, rows)
        x, top = GAP + column * (WIDTH + GAP), height - 1.05 - row * (HEIGHT + GAP)
        _draw_block(axes, x, top, box, _flow(before, box.head.shape_in))
        before = box.shape_out
    _write(axes, x + WIDTH / 2, top - HEIGHT - 0.15, f"{_text(before)} logits", 7.5, ha="center")
    figure.savefig(file, dpi=150)


def _draw_block(axes: Axes, x: float, top: float, box: Block, flow: str) -> None:
    """Draw a box, and the arrow that comes down to it."""
    middle, arrow = x + WIDTH / 2, {"arrowstyle": "-|>", "color": "black"}
    _write(axes, middle + 0.1, top + GAP / 2, flow, 7.5)
    axes.annotate("", (middle, top), (middle, top + GAP), arrowprops=arrow)
    colour = next(c for pattern, c in COLOURS if re.search(pattern, box.head.type))
    rounded = "round,pad=0,rounding_size=0.08"
    axes.add_patch(FancyBboxPatch((x, top - HEIGHT), WIDTH, HEIGHT, rounded, fc=colour))
    _write(axes, middle, top - HEIGHT / 2, box.text, 8, ha="center")


def _write(axes: Axes, x: float, y: float, text: str, size: float, **how: Any) -> None:
    axes.text(x, y, text, fontsize=size, va="center", parse_math=False, **how)


def _alike(a: Block, b: Block) -> bool:
    same = (a.head.type, a.head.settings, a.follows) == (b.head.type, b.head.settings, b.follows)
    return same and a.shape_out == b.shape_out


def _flow(before: Shape, after: Shape) -> str:
    """Return the shape between two boxes, and both where something without weights lies between."""
    return _text(after) if before == after or not after else f"{_text(before)}  →  {_text(after)}"


def _text(shape: Shape) -> str:
    return " × ".join(map(str, shape))


def _name(layer: Layer) -> str:
    """Return a layer that follows another, with what matters of it: ``MaxPool2d 2``."""
    if match := re.search(r"kernel_size=(\d+|\([^)]*\))", layer.settings):
        return f"{layer.type} {match[1]}"
    if match := re.match(r"p=([\d.]+)", layer.settings):
        return f"{layer.type} {match[1]}"
    return layer.type


def _short(settings: str) -> str:
    """Return what matters of a layer's settings: sizes, kernel, stride, direction."""
    parts = re.split(r", (?![^(]*\))", settings)
    kept = [p for p in parts if not re.match(r"(bias|batch_first|padding|eps|momentum|affine|track|dilation)", p)]
    text = ", ".join(kept)
    text = re.sub(r"in_features=(\d+), out_features=(\d+)", r"\1 → \2", text)
    text = re.sub(r"^(\d+), (\d+)\b", r"\1 → \2", text)
    text = re.sub(r"kernel_size=\((\d+), (\d+)\)", r"\1×\2", text)
    text = re.sub(r"kernel_size=\((\d+),\)", r"\1", text)
    text = re.sub(r"num_layers=(\d+)", r"\1 layers", text)
    return re.sub(r", stride=\(1(, 1)?,?\)|=True", "", text)
