"""What may be wrong with a search: with its space, its constraints, its first settings, and between its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from genrelab.config.constraints import Inequality, inequality, satisfiable
from genrelab.config.experiment import Candidate, Experiment
from genrelab.config.search import COSTS, METRICS, Dimension
from genrelab.config.space import KINDS, Declared, Parameter, completed, every_setting, parameters, resolve, stepped
from genrelab.config.structure import KeyPath, Problem, describe
from genrelab.params import Scalar
from genrelab.plugins.registry import Registry, guess

_SEARCH: KeyPath = ("search",)


def problems_of_search(experiment: Experiment) -> Iterator[Problem]:
    """Yield what is wrong between the keys of the search, whoever the candidate is."""
    search, given = experiment.search, [experiment.search.space, *(c.space for c in experiment.candidate)]
    if search.method == "fixed":
        yield from _problems_of_fixed(experiment, has_space=any(given))
    elif search.trials and not any(given):
        yield Problem((*_SEARCH, "space"), "is empty: name what the trials search, or set trials = 0")
    elif any(given) and not search.trials:
        yield Problem(
            (*_SEARCH, "trials"), "is 0, but there is a space to search: give trials, or take the space out"
        )
    for name in search.against:
        if name not in METRICS + COSTS or name == search.metric:
            known = [m for m in METRICS + COSTS if m != search.metric]
            yield Problem((*_SEARCH, "against"), f"{name!r} is not one of {', '.join(known)}")
    if search.against and search.stopping.rule != "none":
        yield Problem((*_SEARCH, "stopping"), "looks at one objective; it cannot be used with search.against")
    if search.stopping.rule != "none" and search.metric in COSTS:
        yield Problem((*_SEARCH, "stopping"), f"{search.metric} is not known before a trial's end; it has no curve")
    if search.warm_start and search.method != "bayesian":
        yield Problem((*_SEARCH, "warm_start"), f"has no meaning with method = {search.method!r}")
    if search.start != "ax" and search.method != "bayesian":
        yield Problem((*_SEARCH, "start"), f"has no meaning with method = {search.method!r}")


def problems_of_space(experiment: Experiment, index: int, registry: Registry) -> Iterator[Problem]:
    """Yield what is wrong with the space of one candidate, and with what is said of it."""
    candidate = experiment.candidate[index]
    recipe, space = experiment.recipe(candidate), experiment.space(candidate)
    known = parameters(recipe, space, registry)
    mine: KeyPath = ("candidate", index)
    found = False
    for name, dimension in space.items():
        where, whose = _place(experiment, candidate, mine, name)
        subject = f"{name}: " if experiment.search.method == "fixed" else ""
        for key, message in _problems_of_dimension(name, dimension, known):
            found = True
            yield Problem((*where, key) if key else where, subject + message, whose)
    for name in space:
        table, _, key = name.rpartition(".")
        if f"{table.partition('.')[0]}.{key}" in space.keys() - {name}:
            found = True
            where, whose = _place(experiment, candidate, mine, name)
            yield Problem(where, "is searched under two names", whose)
    if found or not experiment.trials(candidate):
        return
    resolved = resolve(space, known)
    yield from _problems_of_constraints(experiment, candidate, resolved)
    if experiment.search.method == "grid":
        yield from _problems_of_grid(experiment, candidate, resolved)
    if experiment.search.method != "fixed":
        yield from _problems_of_first(experiment, index, resolved, registry)


def read_constraints(texts: Sequence[str], space: Sequence[Parameter]) -> tuple[list[Inequality], list[Inequality]]:
    """Return the inequalities of searched parameters and those of results.

    Raises:
        ValueError: one cannot be read, names what is not searched, or cannot be put on what it names.
    """
    found: tuple[list[Inequality], list[Inequality]] = ([], [])
    by_name = {p.name: p for p in space}
    for text in texts:
        read = inequality(text)
        of_results = all(name in METRICS + COSTS for name in read.terms)
        if not of_results:
            for name in read.terms:
                _refuse_unfit(name, by_name, text)
        elif len(read.terms) > 1:
            raise ValueError(f"{text!r} names more than one metric or cost")
        found[of_results].append(read)
    return found


def _refuse_unfit(name: str, space: Mapping[str, Parameter], text: str) -> None:
    """Refuse a parameter that no inequality can be put on."""
    if name not in space:
        raise ValueError(f"{text!r}: {name} is not searched{guess(name, [*space, *METRICS, *COSTS])}")
    parameter = space[name]
    if parameter.parent:
        raise ValueError(f"{text!r}: {name} is only there under one value of {parameter.parent}")
    if parameter.log:
        raise ValueError(f"{text!r}: {name} is searched on a logarithmic scale; give choices, or no log")
    if parameter.type not in (int, float) or not parameter.ordered:
        raise ValueError(f"{text!r}: {name} is no number in order")


def _place(experiment: Experiment, candidate: Candidate, mine: KeyPath, name: str) -> tuple[KeyPath, str]:
    """Return where a dimension stands and, if it stands in the file's search, for which candidate it is wrong."""
    if experiment.search.method == "fixed":
        return (*_SEARCH, "first"), candidate.name
    if name in candidate.space:
        return (*mine, "space", name), ""
    return (*_SEARCH, "space", name), candidate.name


def _problems_of_fixed(experiment: Experiment, *, has_space: bool) -> Iterator[Problem]:
    if has_space:
        yield Problem(
            (*_SEARCH, "space"), "has no meaning with method = 'fixed': put the settings into search.first"
        )
    for candidate in experiment.candidate:
        count = len(experiment.first(candidate))
        if not count:
            yield Problem((*_SEARCH, "first"), "is empty: there is no setting to try", candidate.name)
        elif experiment.search.trials not in (0, count):
            text = f"there are {count} settings to try; leave trials out"
            yield Problem((*_SEARCH, "trials"), text, candidate.name)


def _problems_of_dimension(
    name: str, dimension: Dimension, known: Mapping[str, Declared]
) -> Iterator[tuple[str, str]]:
    """Check one dimension of a search space against the parameter that it names; yield (key, message)."""
    if name not in known:
        yield "", f"names no parameter{guess(name, known)}"
        return
    declared = known[name]
    is_range = dimension.low is not None or dimension.high is not None
    forms = [bool(dimension.choice), is_range, dimension.fixed is not None, dimension.declared]
    if sum(forms) != 1:
        yield "", 'give one of: choice = [...], low = and high =, fixed =, or "declared" alone'
        return
    if not is_range and (dimension.step is not None or dimension.log):
        yield "", "only a range has step or log"
    if dimension.declared:
        yield from _problems_of_declared(name, declared)
    if is_range:
        yield from _problems_of_range(dimension, declared)
    keys = ["choice"] * len(dimension.choice) or ["low", "high"] if not forms[2] else ["fixed"]
    for key, value in zip(keys, dimension.values, strict=False):
        problem = _problem_of_value(value, declared)
        if problem:
            yield key, problem


def _problems_of_declared(name: str, declared: Declared) -> Iterator[tuple[str, str]]:
    kinds = {spec.kind for spec in declared.specs}
    if "free" in kinds or len(kinds) > 1 or name.endswith(".name"):
        yield "", "is not declared with a range or choices; give them here"


def _problems_of_range(dimension: Dimension, declared: Declared) -> Iterator[tuple[str, str]]:
    low, high = dimension.low, dimension.high
    if declared.type not in (int, float):
        yield "", f"a {KINDS[declared.type]} has no range; give choice = [...]"
    elif low is None or high is None:
        yield "", "a range needs both low and high"
    elif low >= high:
        yield "low", f"{low} is not below high ({high})"
    elif dimension.log and low <= 0:
        yield "low", f"a logarithmic range needs low > 0, got {low}"
    elif dimension.step is not None:
        yield from _problems_of_step(low, high, dimension, declared)


def _problems_of_step(
    low: float, high: float, dimension: Dimension, declared: Declared
) -> Iterator[tuple[str, str]]:
    step = dimension.step or 0
    if dimension.log:
        yield "step", "has no meaning on a logarithmic scale; give choice = [...]"
    elif step <= 0 or (declared.type is int and type(step) is not int):
        yield "step", f"expected a {'whole ' if declared.type is int else ''}number above 0, got {dimension.step}"
    elif (high - low) / step > 10_000:
        yield "step", f"{step} makes more than 10000 choices"
    else:
        try:
            stepped(low, high, step)
        except ValueError as error:
            yield "step", str(error)


def _problem_of_value(value: Scalar, declared: Declared) -> str | None:
    if type(value) is not declared.type and not (declared.type is float and type(value) is int):
        return f"expected {KINDS[declared.type]}, got {describe(value)}"
    return declared.problem(value)


def _problems_of_constraints(
    experiment: Experiment, candidate: Candidate, space: list[Parameter]
) -> Iterator[Problem]:
    where, texts = (*_SEARCH, "constraints"), experiment.search.constraints
    try:
        of_parameters, of_results = read_constraints(texts, space)
    except ValueError as error:
        yield Problem(where, str(error), candidate.name)
        return
    for limit in of_results:
        if next(iter(limit.terms)) in experiment.search.objectives:
            yield Problem(where, f"{limit.text!r} is put on an objective; it is searched for anyway")
    if of_parameters and not satisfiable(space, of_parameters):
        said = ", ".join(repr(inequality.text) for inequality in of_parameters)
        yield Problem(where, f"no setting satisfies {said}", candidate.name)


def _problems_of_grid(
    experiment: Experiment, candidate: Candidate, space: Sequence[Parameter]
) -> Iterator[Problem]:
    for parameter in space:
        if parameter.is_range:
            mine: KeyPath = ("candidate", experiment.candidate.index(candidate))
            where, whose = _place(experiment, candidate, mine, parameter.name)
            yield Problem(where, "a grid needs choices; give step, or choice = [...]", whose)
            return
    trials = experiment.search.trials
    if len(list(islice(every_setting(space), trials + 1))) > trials and not experiment.search.constraints:
        text = f"the grid has more settings than {trials} trials can try"
        yield Problem((*_SEARCH, "trials"), text, candidate.name)


def _problems_of_first(
    experiment: Experiment, index: int, space: Sequence[Parameter], registry: Registry
) -> Iterator[Problem]:
    candidate = experiment.candidate[index]
    names = {p.name for p in space}
    for settings in experiment.first(candidate):
        own = settings in candidate.first
        where: KeyPath = ("candidate", index, "first") if own else (*_SEARCH, "first")
        whose = "" if own else candidate.name
        for name in settings.keys() - names:
            yield Problem(where, f"{name} is not searched{guess(name, names)}", whose)
        whole = completed(settings, space, experiment.recipe(candidate), registry)
        for parameter in space:
            if parameter.is_active(whole) and not parameter.holds(whole[parameter.name]):
                given = "" if parameter.name in settings else ", as in the file,"
                text = f"{parameter.name} = {whole[parameter.name]!r}{given} is not in the space"
                yield Problem(where, text, whose)
