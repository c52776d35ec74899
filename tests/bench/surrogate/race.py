"""Let searches compete on the recorded table, each with many seeds, and say how far from the optimum they are.

python -m tests.bench.surrogate.race --repeats 20 --output race.csv

About a minute of CPU a repeat, nearly all of it Ax. Goes on with what the output already holds.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.bench.surrogate.table import METRIC, Table, plan, read_table

TRIALS, AT = 50, (15, 30, 50)
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


def race(repeats: int, output: Path) -> dict[str, NDArray[np.float64]]:
    """Run every search with every seed, and keep what each trial came to in a file.

    Returns:
        Of each search the best value so far, less the best there is, of shape (repeats, trials).
    """
    table, known = read_table(), dict(_read(output))
    for seed in range(repeats):
        for name, search in SEARCHES.items():
            if (name, seed) not in known:
                known[name, seed] = search(table, seed)
                with output.open("a", encoding="utf-8", newline="") as out:
                    csv.writer(out).writerow([name, seed, *known[name, seed]])
    return {
        name: np.array([list(accumulate(known[name, seed], min)) for seed in range(repeats)]) - table.optimum
        for name in SEARCHES
    }


def _read(file: Path) -> Iterable[tuple[tuple[str, int], Values]]:
    if file.is_file():
        with file.open(encoding="utf-8", newline="") as lines:
            for name, seed, *values in csv.reader(lines):
                yield (name, int(seed)), [float(v) for v in values]


def gain(regrets: dict[str, NDArray[np.float64]], over: str, trials: int) -> tuple[float, float, float]:
    """Return by how much `bayesian` is nearer to the optimum than another search, with its 95 % t interval.

    Repeats are paired by their seed.
    """
    theirs, mine = (regrets[name][:, trials - 1] for name in (over, "bayesian"))
    low, high = stats.ttest_rel(theirs, mine).confidence_interval(0.95)
    return float(np.mean(theirs - mine)), float(low), float(high)


def lines(regrets: dict[str, NDArray[np.float64]]) -> Iterable[str]:
    """Yield a table in Markdown: mean regret of each search, then what is between `bayesian` and the others."""
    yield f"| search | {' | '.join(f'{n} trials' for n in AT)} |"
    yield f"|---|{'---|' * len(AT)}"
    for name, values in regrets.items():
        cells = [f"{np.mean(values[:, n - 1]):.4f} ± {stats.sem(values[:, n - 1]):.4f}" for n in AT]
        yield f"| {name} | {' | '.join(cells)} |"
    for name in regrets:
        if name != "bayesian":
            found = [gain(regrets, name, n) for n in AT]
            cells = [f"{mean:+.4f} ({low:+.4f} to {high:+.4f})" for mean, low, high in found]
            yield f"| {name} less bayesian | {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path("race.csv"))
    options = parser.parse_args()
    print("\n".join(lines(race(options.repeats, options.output))))
