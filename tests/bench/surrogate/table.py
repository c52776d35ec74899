"""A recorded surrogate: what every setting of a small space came to, epoch by epoch, to replay searches on.

table.csv comes of table.toml, about 8 minutes on one core:

genrelab run tests/bench/surrogate/table.toml
python -m tests.bench.surrogate.table runs/table
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from genrelab.config.files import load
from genrelab.config.search import Settings
from genrelab.config.space import every_setting
from genrelab.events import TrialRef
from genrelab.files import read_json, read_lines
from genrelab.params import Scalar
from genrelab.plugins.registry import Registry
from genrelab.study.rundir import RunDirectory
from genrelab.study.search.plan import Outcome, Plan, make_plan
from genrelab.study.search.search import Search
from genrelab.study.search.stopping import Bounds, Curve, bounds
from genrelab.training.stop import Stop

EXPERIMENT, FILE = (Path(__file__).with_name(name) for name in ("table.toml", "table.csv"))
METRIC = "loss"


def plan(*overrides: str) -> Plan:
    """Return what decides a search of the recorded space, with some keys of the experiment replaced."""
    registry = Registry.discover()
    experiment = load(EXPERIMENT, registry, overrides)
    return make_plan(experiment, experiment.candidate[0], registry)


@attrs.frozen
class Table:
    """The recorded trainings."""

    curves: Mapping[tuple[str, ...], Sequence[float]]
    """Validation loss of each epoch, by settings."""

    @property
    def optimum(self) -> float:
        """The best value there is."""
        return min(map(min, self.curves.values()))

    def curve(self, settings: Settings, bounds: Bounds = ()) -> Sequence[float]:
        """Return the validation loss of each epoch, up to that after which a rule ends the training."""
        curve, stop = self.curves[_key(settings)], Stop(METRIC, maximize=False, bounds=bounds)
        history = [{"validation": {METRIC: value}} for value in curve]
        ends = (epoch for epoch in range(1, len(curve) + 1) if stop.is_due(history[:epoch]))
        return curve[: next(ends, len(curve))]

    def search(self, plan: Plan) -> list[Outcome]:
        """Return what the trials of a search of genrelab's come to, in their order."""
        outcomes: list[Outcome] = []
        curves: list[Curve] = []
        rule, epochs = plan.search.stopping, len(next(iter(self.curves.values())))
        with tempfile.TemporaryDirectory() as folder:
            search = Search(Path(folder) / "search.json", plan)
            while len(outcomes) < plan.search.trials:
                settings = search.propose(outcomes)
                assert settings is not None
                worst = () if rule.rule == "none" else bounds(rule, METRIC, curves, epochs)
                curve = self.curve(settings, worst)
                ended = len(curve) == epochs
                curves.append(Curve(curve, ended))
                values = {METRIC: min(curve)}
                outcomes.append(Outcome("completed" if ended else "stopped", values, len(curve) / epochs))
        return outcomes


def read_table() -> Table:
    """Read the recorded trainings; every setting of the space is there."""
    space = plan().space
    with FILE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    names = [parameter.name for parameter in space]
    curves = {_key({n: row.pop(n) for n in names}): [float(v) for v in row.values()] for row in rows}
    missing = [s for s in every_setting(space) if _key(s) not in curves]
    if missing:
        raise ValueError(f"{FILE}: has no row for {missing[0]}")
    return Table(curves)


def record(run: RunDirectory) -> None:
    """Write the table from the run directory of its experiment."""
    names, rows = [parameter.name for parameter in plan().space], []
    for number, settings in enumerate(read_json(run.search("cnn1d_gru"))["proposals"]):
        lines = read_lines(run.trial(TrialRef("table", "cnn1d_gru", "search", number)) / "metrics.jsonl")
        losses = [f"{line['validation'][METRIC]:.4f}" for line in lines]
        rows.append([*(settings[name] for name in names), *losses])
    with FILE.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*names, *range(1, len(rows[0]) - len(names) + 1)])
        writer.writerows(rows)


def _key(settings: Mapping[str, Scalar]) -> tuple[str, ...]:
    return tuple(str(settings[name]) for name in sorted(settings))


if __name__ == "__main__":
    record(RunDirectory(Path(sys.argv[1])))
