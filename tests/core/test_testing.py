"""The conformance kit: faults planted in components of every kind, each caught by the check named for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genrelab import Dataset, Executor, InputError, Model
from genrelab.testing import ConformanceError, checks_of, parametrize_with_checks
from tests.core.faults import (
    Fault,
    Params,
    augmentations,
    datasets,
    executors,
    features,
    models,
    reporters,
    schedulers,
)

KINDS = (models, features, augmentations, schedulers, datasets, reporters, executors)
FAULTS: list[Fault] = [fault for kind in KINDS for fault in kind.FAULTS]
GOOD = [kind.GOOD for kind in KINDS if kind not in (models, executors)]


def check_of(component: Any, name: str) -> Any:
    return next(check for check in checks_of(component) if check.name == name)


@pytest.fixture
def _reaped(component: Any) -> Iterator[None]:
    yield
    if not isinstance(component, Executor):
        return
    for _ in range(100):  # children of executors that forget them; those of other tests may never end
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        except ChildProcessError:
            return


@pytest.mark.usefixtures("_reaped")
@pytest.mark.parametrize(("name", "component", "said"), FAULTS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_planted_fault_is_caught_by_the_check_named_for_it(name: str, component: Any, said: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_of(component, name)()
    message = str(caught.value)
    kind = type(component).__name__.lower()
    assert message.startswith(f"{kind}/fault: {name}: {Path(__file__).parent / 'faults' / kind}s.py:")
    assert said in message
    assert "\n  fix: " in message


@parametrize_with_checks(GOOD)
def test_components_without_a_fault_pass(check: Any) -> None:
    check()


@pytest.mark.parametrize("name", [c.name for c in checks_of(models.GOOD) if c.name != "onnx"])
def test_a_model_without_a_fault_passes(name: str) -> None:
    check_of(models.GOOD, name)()


def test_a_check_says_where_a_component_raises() -> None:
    def build(params: Any, shape: Any, classes: int) -> Any:
        raise KeyError("lost")

    line = build.__code__.co_firstlineno + 1
    with pytest.raises(ConformanceError, match=f"test_testing.py:{line}: KeyError: 'lost'"):
        check_of(models.model(build), "gradients")()


def test_a_model_that_refuses_every_shape_is_told_so() -> None:
    def build(params: Any, shape: Any, classes: int) -> Any:
        raise InputError("never")

    with pytest.raises(ConformanceError, match=r"refuses each of 32 x 64, .*: never"):
        check_of(models.model(build), "learns")()


def test_a_known_failure_is_expected_with_its_reason_and_must_fail() -> None:
    known = Model("fault", Params, models.Untraceable, {"compiles": "it says so", "embed": "wrongly listed"})
    outcomes = {name: check_of(known, name).outcome() for name in ("compiles", "embed", "logits")}
    assert {n: o.state for n, o in outcomes.items()} == {"logits": "ok", "compiles": "known", "embed": "failed"}
    assert outcomes["compiles"].message == "it says so"
    assert "take it out" in outcomes["embed"].message
    marks = parametrize_with_checks(known).args[1]
    reasons = {p.id: [m.kwargs["reason"] for m in p.marks] for p in marks}
    assert reasons["fault-compiles"] == ["it says so"]
    assert reasons["fault-logits"] == []


def test_a_known_failure_of_no_check_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'compiles'"):
        checks_of(Model("fault", Params, models.Net, {"compile": "misspelt"}))


def test_a_dataset_that_needs_parameters_is_skipped_without_them() -> None:
    def build(params: Any) -> Any:
        raise InputError("there is no root")

    outcomes = [check.outcome() for check in checks_of(Dataset("fault", Params, build))]
    assert {(o.state, o.message) for o in outcomes} == {("skipped", "needs parameters: there is no root")}


@pytest.mark.slow
def test_operators_that_onnx_lacks_are_told() -> None:
    with pytest.raises(ConformanceError, match=r"onnx: .*"):
        check_of(models.model(models.NoOnnx), "onnx")()
