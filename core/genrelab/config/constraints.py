"""Linear inequalities written as text: ``model.hidden_dim <= 2*model.num_layers + 64``, ``parameters <= 2e6``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from genrelab.config.space import Parameter
from genrelab.params import Scalar

_ROUNDING = 1e-9


@attrs.frozen
class Inequality:
    """The sum of terms (coefficient times value) is at most the bound."""

    text: str
    terms: Mapping[str, float]
    bound: float

    def holds(self, values: Mapping[str, Scalar]) -> bool:
        """Tell whether values, of which every term is one, satisfy it."""
        total = sum(c * float(values[name]) for name, c in self.terms.items())
        return total <= self.bound + _ROUNDING * max(1.0, abs(self.bound))


def inequality(text: str) -> Inequality:
    """Read an inequality.

    Raises:
        ValueError: it is none, or is not linear.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{text!r} cannot be read") from error
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.LtE | ast.GtE):
        raise ValueError(f"{text!r} is no inequality with one <= or >=")
    left, right = _linear(node.left, text), _linear(node.comparators[0], text)
    difference = _sum(left, right, -1.0) if isinstance(node.ops[0], ast.LtE) else _sum(right, left, -1.0)
    constant = difference.pop("", 0.0)
    terms = {name: c for name, c in difference.items() if c}
    if not terms:
        raise ValueError(f"{text!r} names nothing")
    return Inequality(text, terms, -constant)


def satisfiable(space: Sequence[Parameter], inequalities: Sequence[Inequality]) -> bool:
    """Tell whether some setting satisfies all inequalities; a mixed-integer program finds one.

    Args:
        space: the parameters that the inequalities name, and perhaps others.
        inequalities: of parameters that are numbers and always there.
    """
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    named = [p for p in space if any(p.name in i.terms for i in inequalities)]
    # A range is one variable; a choice is one variable of 0 or 1 for each of its values, which add up to 1.
    columns = [(p, v) for p in named for v in ([None] if p.is_range else p.values)]
    rows = [[i.terms.get(p.name, 0.0) * (1.0 if v is None else float(v)) for p, v in columns] for i in inequalities]
    one_of = [[float(p is q and v is not None) for q, v in columns] for p in named if not p.is_range]
    low = [float(p.values[0]) if v is None else 0.0 for p, v in columns]
    high = [float(p.values[-1]) if v is None else 1.0 for p, v in columns]
    limits = [LinearConstraint(np.array(rows), -np.inf, [i.bound for i in inequalities])]
    limits += [LinearConstraint(np.array(one_of), 1.0, 1.0)] if one_of else []
    whole = np.array([int(v is not None or p.type is int) for p, v in columns])
    found: Any = milp(np.zeros(len(columns)), integrality=whole, bounds=Bounds(low, high), constraints=limits)
    return bool(found.status != 2)  # infeasible


def _linear(node: ast.expr, text: str) -> dict[str, float]:
    """Return the coefficients of an expression by name; that of "" is the constant."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return {"": float(value)}
        case ast.Name() | ast.Attribute():
            return {ast.unparse(node): 1.0}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _sum({}, _linear(operand, text), -1.0)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            return _sum(_linear(left, text), _linear(right, text), 1.0 if isinstance(sign, ast.Add) else -1.0)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(_linear(left, text), _linear(right, text), text)
    raise ValueError(
        f"{text!r} is not linear: {ast.unparse(node)!r} is no number, name, sum or product with a number"
    )


def _sum(a: Mapping[str, float], b: Mapping[str, float], factor: float) -> dict[str, float]:
    return {name: a.get(name, 0.0) + factor * b.get(name, 0.0) for name in {**a, **b}}


def _product(a: dict[str, float], b: dict[str, float], text: str) -> dict[str, float]:
    number, other = (a, b) if set(a) == {""} else (b, a)
    if set(number) != {""}:
        raise ValueError(f"{text!r} is not linear")
    return {name: number[""] * c for name, c in other.items()}
