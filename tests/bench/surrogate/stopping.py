"""Replay on the recorded table what a rule that ends trials early saves, and what it costs.

python -m tests.bench.surrogate.stopping --method sobol --repeats 100
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats

from genrelab.study.search.plan import Outcome
from tests.bench.surrogate.table import METRIC, Table, plan, read_table

TRIALS = 30
RULES = {
    "percentile": {"rule": "percentile"},
    "percentile, the worst quarter": {"rule": "percentile", "percentile": 25.0},
    "asha": {"rule": "asha"},
    "asha, rungs 3, 9, 27": {"rule": "asha", "min_epochs": 3},
    "asha, rungs 4, 8, 16": {"rule": "asha", "min_epochs": 4, "reduction": 2},
}


def search(table: Table, method: str, seed: int, rule: str = "") -> Sequence[Outcome]:
    """Run a search with a rule of RULES, or with none."""
    values = [f"search.method={method}", f"search.trials={TRIALS}", f"seed={seed}"]
    return table.search(plan(*values, *(f"search.stopping.{k}={v}" for k, v in RULES.get(rule, {}).items())))


def best(outcomes: Sequence[Outcome]) -> float:
    """Return the best value of the trials that went to their end: only these can be chosen."""
    return min(o.values[METRIC] for o in outcomes if o.status == "completed")


def lines(method: str, repeats: int, rules: Sequence[str]) -> Iterable[str]:
    """Yield a table in Markdown; repeats are paired by their seed, intervals are 95 % t intervals."""
    table = read_table()
    without = [best(search(table, method, seed)) for seed in range(repeats)]
    yield f"without a rule, {method}, {TRIALS} trials: {np.mean(without) - table.optimum:.4f} above the optimum\n"
    yield "| rule | epochs saved | trials ended early | best value worse by |"
    yield "|---|---|---|---|"
    for rule in rules:
        found = [search(table, method, seed, rule) for seed in range(repeats)]
        saved = 1 - np.mean([o.share for outcomes in found for o in outcomes])
        ended = np.mean([o.status == "stopped" for outcomes in found for o in outcomes])
        worse = stats.ttest_rel([best(outcomes) for outcomes in found], without)
        low, high = worse.confidence_interval(0.95)
        mean = (low + high) / 2
        yield f"| {rule} | {saved:.0%} | {ended:.0%} | {mean:+.4f} ({low:+.4f} to {high:+.4f}) |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=["sobol", "bayesian"], default="sobol")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--rules", nargs="*", choices=list(RULES), default=list(RULES))
    options = parser.parse_args()
    for line in lines(options.method, options.repeats, options.rules):
        print(line, flush=True)
