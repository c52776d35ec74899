"""Let searches compete on the recorded table, each with many seeds, and say how far from the optimum they are.

python -m tests.bench.surrogate.race --repeats 40 --output race.csv

About a minute of CPU a repeat, nearly all of it Ax. Goes on with what the output already holds.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.bench.surrogate.table import METRIC, Table, plan, read_table

TRIALS, AT = 50, (15, 30, 50)
Numbers = NDArray[np.float64]
Values = Sequence[float]
"""Of each trial, in order."""


def ours(method: str) -> Callable[[Table, int], Values]:
    """Return a search of genrelab's."""

    def search(table: Table, seed: int) -> Values:
        outcomes = table.search(plan(f"search.method={method}", f"search.trials={TRIALS}", f"seed={seed}"))
        return [outcome.values[METRIC] for outcome in outcomes]

    return search


def tpe(table: Table, seed: int) -> Values:
    """Search with Optuna's TPE as it comes; ordered choices are whole numbers to it, their places in the list."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = plan().space

    def objective(trial: optuna.Trial) -> float:
        settings = {
            p.name: p.values[trial.suggest_int(p.name, 0, len(p.values) - 1)]
            if p.ordered
            else trial.suggest_categorical(p.name, p.values)
            for p in space
        }
        return min(table.curve(settings))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=TRIALS)
    return [trial.values[0] for trial in study.trials]


SEARCHES = {"sobol": ours("sobol"), "tpe": tpe, "bayesian": ours("bayesian")}


@attrs.frozen
class Races:
    """What searches came to, each with the same seeds."""

    regrets: dict[str, Numbers]
    """Of each search the best value so far, less the best there is, of shape (repeats, trials)."""
    seconds: dict[str, Numbers]
    """Of CPU that all asking and telling of one search took, of shape (repeats,)."""

    def gain(self, over: str, trials: int) -> tuple[float, float, float]:
        """Return by how much `bayesian` is nearer to the optimum than another search, with its 95 % interval.

        Repeats are paired by their seed and resampled as pairs (BCa bootstrap).
        """
        gains = self.regrets[over][:, trials - 1] - self.regrets["bayesian"][:, trials - 1]
        found = stats.bootstrap((gains,), np.mean, n_resamples=99_999, batch=1000, rng=np.random.default_rng(0))
        return float(np.mean(gains)), *map(float, found.confidence_interval)


def race(repeats: int, output: Path) -> Races:
    """Run every search with every seed, and keep in a file what it took and what each trial came to."""
    table, known = read_table(), dict(_read(output))
    for seed in range(repeats):
        for name, search in SEARCHES.items():
            if (name, seed) not in known:
                began = time.process_time()
                values = search(table, seed)
                known[name, seed] = [time.process_time() - began, *values]
                with output.open("a", encoding="utf-8", newline="") as out:
                    csv.writer(out).writerow([name, seed, *known[name, seed]])
    found = {name: np.array([known[name, seed] for seed in range(repeats)]) for name in SEARCHES}
    regrets = {name: np.minimum.accumulate(rows[:, 1:], axis=1) - table.optimum for name, rows in found.items()}
    return Races(regrets, {name: rows[:, 0] for name, rows in found.items()})


def _read(file: Path) -> Iterable[tuple[tuple[str, int], Values]]:
    if file.is_file():
        with file.open(encoding="utf-8", newline="") as lines:
            for name, seed, *values in csv.reader(lines):
                yield (name, int(seed)), [float(v) for v in values]


def lines(races: Races) -> Iterable[str]:
    """Yield a table in Markdown: mean regret of each search and what it took, then how far `bayesian` is ahead."""
    yield f"| search | {' | '.join(f'{n} trials' for n in AT)} | seconds of CPU |"
    yield f"|---|{'---|' * len(AT)}---|"
    for name, regrets in races.regrets.items():
        cells = [f"{np.mean(regrets[:, n - 1]):.3f}" for n in AT]
        yield f"| {name} | {' | '.join(cells)} | {np.median(races.seconds[name]):.1f} |"
    for name in races.regrets:
        if name != "bayesian":
            found = [races.gain(name, n) for n in AT]
            cells = [f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" for mean, low, high in found]
            yield f"| {name} less bayesian | {' | '.join(cells)} | |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path("race.csv"))
    options = parser.parse_args()
    print("\n".join(lines(race(options.repeats, options.output))))
