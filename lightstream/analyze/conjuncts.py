"""Conditions taken apart as Spark's optimizer takes them apart."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

from lightstream.analyze.calls import is_volatile
from lightstream.plan import expressions as e

OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def conjuncts(condition: e.Expression | None) -> list[e.Expression]:
    """Return the conditions that AND puts together, as Spark's optimizer sees them: BETWEEN is two, NOT turns."""
    match condition:
        case None:
            return []
        case e.Call(name="and"):
            return [part for argument in condition.args for part in conjuncts(argument)]
        case e.Call(name="between"):
            return conjuncts(condition.args[3])
        case e.Call(name="not", args=(e.Call() as denied,)) if denied.name in OPPOSITE:
            opposite = OPPOSITE[denied.name]
            return [replace(denied, name=opposite, shown=opposite)]
        case e.Call(name="not", args=(e.Call(name="or") as denied,)):
            return [p for a in denied.args for p in conjuncts(replace(condition, args=(a,)))]
        case e.Call(name="or"):
            return _common_first(condition)
    return [condition]


def _common_first(condition: e.Call) -> list[e.Expression]:
    """Return what all sides of an OR say, and then the OR of what is left: joins by a common equality are found so."""
    sides = [conjuncts(side) for side in _disjuncts(condition)]
    common = [part for part in sides[0] if all(part in side for side in sides[1:]) and _is_plain(part)]
    if not common:
        return [condition]
    rests = [[part for part in side if part not in common] for side in sides]
    if not all(rests):
        return common
    together = [reduce(lambda a, b: replace(condition, name="and", args=(a, b)), rest) for rest in rests]
    return [*common, reduce(lambda a, b: replace(condition, args=(a, b)), together)]


def _disjuncts(condition: e.Expression) -> list[e.Expression]:
    if isinstance(condition, e.Call) and condition.name == "or":
        return [side for argument in condition.args for side in _disjuncts(argument)]
    return [condition]


def _is_plain(condition: e.Expression) -> bool:
    return not is_volatile(condition) and not any(
        isinstance(node, e.SubqueryExpression) for node in condition.walk()
    )
