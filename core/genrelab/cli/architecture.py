"""`genrelab show model/NAME`: layers, sizes and costs of a model, and a picture of it."""

from __future__ import annotations

from pathlib import Path

import click

from genrelab.errors import InputError
from genrelab.plugins.registry import Registry

PICTURES = (".svg", ".png", ".pdf")


def read_shape(_: click.Context, __: click.Parameter, value: str) -> tuple[int, int]:
    """Read ``128x1292``: (bins, frames)."""
    bins, _x, frames = value.partition("x")
    if not (bins.isdecimal() and frames.isdecimal() and int(bins) and int(frames)):
        raise click.BadParameter(f"{value!r} is not bins x frames, such as 128x1292")
    return int(bins), int(frames)


def show_architecture(
    registry: Registry, name: str, shape: tuple[int, int], classes: int, picture: Path | None
) -> None:
    """Print the layers of a model with its default parameters; write a picture of it if asked for.

    Raises:
        InputError: the model does not take such features, or the picture's ending is no format.
    """
    if picture and picture.suffix not in PICTURES:
        raise InputError(f"--picture {picture}: give a file that ends in {', '.join(PICTURES)}")
    import torch

    from genrelab.architecture.layers import layers
    from genrelab.training.costs import multiply_adds

    # Not on the meta device: it takes recurrent layers apart step by step, which takes longer than to compute.
    cpu = torch.device("cpu")
    model = registry.build("model", name, registry.get("model", name).params(), shape, classes)
    found = layers(model, torch.zeros(1, *shape))
    bins, frames = shape
    click.echo(f"\nfor features of {bins} x {frames} (bins x frames) and {classes} classes, without the batch:\n")
    rows = [(x.name, x.type, " x ".join(map(str, x.shape_out)), f"{x.parameters:,}") for x in found]
    _print([("layer", "type", "gives", "parameters"), *rows])
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    costs = f"{count:,} parameters, {multiply_adds(model, shape, cpu):,} multiply-adds a clip"
    click.echo(f"\n{costs} (forward)")
    if picture:
        from genrelab.architecture.picture import draw

        draw(found, name, costs, shape, picture)
        click.echo(f"picture: {picture}")


def _print(rows: list[tuple[str, str, str, str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for name, kind, gives, parameters in rows:
        click.echo(f"{name:{widths[0]}}  {kind:{widths[1]}}  {gives:{widths[2]}}  {parameters:>{widths[3]}}")
