"""The tables of an experiment file that say what is searched, how, and what is made of it."""

from __future__ import annotations

import attrs

from genrelab.params import Number, Scalar, one_of, setting

METRICS = ("loss", "accuracy", "f1_macro", "f1_weighted", "accuracy_one_vs_rest")
COSTS = ("parameters", "multiply_adds", "epoch_seconds", "seconds")
"""What a result says of a training besides its metrics; less is better."""
METHODS = ("bayesian", "sobol", "grid", "fixed")

Settings = dict[str, Scalar]
"""Values of parameters by name: ``{"model.dropout": 0.3}``."""


def maximize(metric: str) -> bool:
    """Tell whether more of a metric or cost is better."""
    return metric != "loss" and metric not in COSTS


@attrs.frozen
class Dimension:
    """One parameter of a search space: choices, a range, a fixed value, or what its plugin declares."""

    choice: tuple[Scalar, ...] = ()
    ordered: bool | None = None
    """Whether near choices are alike; None: numbers are, texts and booleans are not."""
    low: Number | None = None
    high: Number | None = None
    step: Number | None = None
    """Only low, low + step, ... up to high."""
    log: bool = False
    fixed: Scalar | None = None
    declared: bool = False
    """The range or choices that the plugin declares; ``"declared"`` in the file."""

    @property
    def values(self) -> tuple[Scalar, ...]:
        """The values that are named: all choices, both ends, or the fixed one."""
        ends = tuple(v for v in (self.low, self.high, self.fixed) if v is not None)
        return self.choice or ends


Space = dict[str, Dimension]


@attrs.frozen
class Stopping:
    """The rule that ends a trial early, on the best value of the search's metric up to each epoch."""

    rule: str = one_of(
        "none", ("none", "percentile", "asha"), help="percentile of earlier trials, or successive halving"
    )
    min_epochs: int = setting(5, low=1, help="no trial ends before; the first rung of asha")
    min_trials: int = setting(5, low=1, help="trials that must have gone to the end before; percentile")
    percentile: float = setting(50.0, low=1.0, high=99.0, help="share of trials, the worst, that end; percentile")
    reduction: int = setting(
        3, low=2, help="one of so many goes on at each rung; rungs are min_epochs times its powers; asha"
    )


@attrs.frozen
class Search:
    """The search, the same for every candidate."""

    trials: int = setting(0, low=0, high=100_000, help="trials of each candidate; 0: no search")
    method: str = one_of(
        "bayesian", METHODS, help="who proposes: Ax, a Sobol sequence, every setting, only `first`"
    )
    metric: str = one_of(
        "loss", METRICS + COSTS, help="what is searched for; how it is better follows from what it is"
    )
    at: str = one_of(
        "best", ("best", "last"), help="epoch whose metrics count: the one whose weights are kept, the last"
    )
    against: tuple[str, ...] = setting((), help="further objectives: the search follows the Pareto front")
    parallel: int = setting(1, low=1, high=256, help="trials of one candidate under way at once")
    seconds: float = setting(0.0, low=0.0, help="of training for each candidate; no trial starts after; 0: any")
    max_failure_share: float = setting(
        0.5, low=0.0, high=1.0, help="of the trials; a candidate with more failures stops"
    )
    start: str = one_of(
        "ax", ("ax", "stratified"), help="first trials: Ax's own, or with every value of each unordered choice"
    )
    first: tuple[Settings, ...] = setting((), help="settings to try first; what they leave out is as in the file")
    warm_start: tuple[str, ...] = setting((), help="run directories whose trials the search knows from the start")
    constraints: tuple[str, ...] = setting(
        (), help="linear inequalities of searched parameters, or of one metric or cost of the results"
    )
    stopping: Stopping = Stopping()
    space: Space = attrs.field(factory=dict)
    """What is searched, for every candidate."""

    @property
    def objectives(self) -> tuple[str, ...]:
        """The metric and what stands against it."""
        return (self.metric, *self.against)


@attrs.frozen
class Final:
    """What follows the search of a candidate: one of its best settings is chosen on fresh seeds, and tested."""

    seeds: tuple[int, ...] = setting((1, 2, 3), help="one final run each")
    epochs: int = setting(0, low=0, high=1000, help="epochs at the most; 0: as in train")
    finalists: int = setting(
        3, low=1, high=1000, help="best settings of the search that are trained again to choose one"
    )
    selection_seeds: tuple[int, ...] = setting(
        (101, 102), help="of these trainings; the mean of the search's metric over them decides"
    )

    def selection_runs(self, trials: int) -> int:
        """Return how many trainings choose among the finalists of a search of so many trials, at the most."""
        finalists = min(self.finalists, trials)
        return finalists * len(self.selection_seeds) if finalists > 1 else 0
