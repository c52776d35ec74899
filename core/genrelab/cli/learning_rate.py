"""The learning rate that an experiment's schedules will produce, as numbers and as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from genrelab.config.experiment import Experiment
from genrelab.plugins.registry import Registry

_ROWS = 20  # of the printed table, at the most


def show_learning_rate(experiment: Experiment, registry: Registry, steps: int, output: Path) -> None:
    """Print the rate at the start of epochs, for each candidate, and draw all steps.

    Args:
        experiment: whose candidates.
        registry: resolves schedules.
        steps: optimizer steps an epoch.
        output: the picture, a PNG file.
    """
    from genrelab.training.schedules import learning_rates  # torch takes seconds to import

    names: dict[tuple[float, ...], list[str]] = {}  # of the candidates that share a curve
    for candidate in experiment.candidate:
        curve = tuple(learning_rates(experiment.recipe(candidate), registry, steps))
        names.setdefault(curve, []).append(candidate.name)
    rates = {", ".join(who): list(curve) for curve, who in names.items()}
    _print(rates, steps)
    _draw(rates, steps, output)
    click.echo(f"picture: {output}")
    schedules = {s.name for c in experiment.candidate for s in experiment.recipe(c).scheduler}
    for name in sorted(n for n in schedules if registry.get("scheduler", n).when == "monitored"):
        click.echo(f"{name} follows the validation loss, which is taken to fall in every epoch here")


def _print(rates: dict[str, list[float]], steps: int) -> None:
    epochs = max(map(len, rates.values())) // steps
    widths = [max(len(name), 10) for name in rates]
    click.echo("  ".join(["epoch", *(f"{n:>{w}}" for n, w in zip(rates, widths, strict=True))]))
    for epoch in sorted({0, epochs - 1, *range(0, epochs, -(-epochs // _ROWS))}):
        at = epoch * steps
        cells = [f"{r[at]:{w}.3g}" if at < len(r) else " " * w for r, w in zip(rates.values(), widths, strict=True)]
        click.echo("  ".join([f"{epoch + 1:5}", *cells]))


def _draw(rates: dict[str, list[float]], steps: int, output: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, values in rates.items():
        axes.plot([1 + i / steps for i in range(len(values))], values, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("learning rate")
    axes.set_ylim(bottom=0)
    axes.locator_params("x", integer=True)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(output, dpi=120, format="png")
