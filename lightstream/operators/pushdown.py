"""Filters moved down a streaming plan, as Spark's optimizer moves them.

In a batch query this would be for speed alone, and DuckDB does it. In a stream it shows: event times are those of the
rows that reach the watermark, and the state holds the groups of the rows that reach the aggregation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lightstream.compile.compiler import is_volatile
from lightstream.conf import Conf
from lightstream.functions import registry
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp


def push_filters(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return a streaming plan with each filter as far down as Spark takes it."""
    return _push((), plan)


def _push(conditions: Sequence[e.Expression], plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return a plan with conditions on its rows, each where it belongs."""
    if not plan.is_streaming:
        return _filtered(plan, conditions)
    match plan:
        case lp.Filter():
            # What stands lower is asked first.
            return _push((*_conjuncts(plan.condition), *conditions), plan.child)
        case lp.SubqueryAlias():
            return replace(plan, child=_push(conditions, plan.child))
        case lp.Watermark():
            down, up = _split(conditions, lambda refs: plan.column.id not in refs)
            return _filtered(replace(plan, child=_push(down, plan.child)), up)
        case lp.Project() if not any(is_volatile(item) for item in plan.items):
            down, up = _split(conditions, lambda refs: True)
            items = {item.id: item.child for item in plan.items if isinstance(item, e.Alias)}
            child = _push([_substituted(c, items) for c in down], plan.child)
            return _filtered(replace(plan, child=child), up)
        case lp.Aggregate() if plan.keys and not plan.grouping_sets:
            known = {key.id for key in plan.output[: len(plan.keys)]}
            down, up = _split(conditions, lambda refs: refs <= known and bool(refs))
            keys = {key.id: key.child for key in plan.keys if isinstance(key, e.Alias)}
            child = _push([_substituted(c, keys) for c in down], plan.child)
            return _filtered(replace(plan, child=child), up)
        case lp.Expand() | lp.Generate():
            below = {a.id for a in plan.child.output}
            down, up = _split(conditions, lambda refs: refs <= below and bool(refs))
            return _filtered(replace(plan, child=_push(down, plan.child)), up)
        case lp.SetOperation(kind="union", all=True):
            down, up = _split(conditions, lambda refs: True)
            sides = []
            for side in (plan.left, plan.right):
                columns: dict[int, e.Expression] = dict(
                    zip((a.id for a in plan.columns), side.output, strict=True)
                )
                sides.append(_push([_substituted(c, columns) for c in down], side))
            return _filtered(replace(plan, left=sides[0], right=sides[1]), up)
        case lp.Join(kind="inner" | "cross" | "leftouter" | "leftsemi" | "leftanti"):
            return _through_join(conditions, plan)
    return _filtered(plan.map_children(lambda child: _push((), child)), conditions)


def _through_join(conditions: Sequence[e.Expression], plan: lp.Join) -> lp.LogicalPlan:
    left = {a.id for a in plan.left.output}
    right = {a.id for a in plan.right.output}
    to_left, rest = _split(conditions, lambda refs: refs <= left and bool(refs))
    to_right, up = _split(rest, lambda refs: plan.kind in ("inner", "cross") and refs <= right and bool(refs))
    for key in _equal_columns(plan):
        # Spark: a row whose key is null matches nothing; it is left out where that loses no row.
        if key.id in left and plan.kind in ("inner", "leftsemi"):
            to_left.append(registry.bind_call("isnotnull", (key,), Conf()))
        elif key.id in right:
            to_right.append(registry.bind_call("isnotnull", (key,), Conf()))
    join = replace(plan, left=_push(to_left, plan.left), right=_push(to_right, plan.right))
    return _filtered(join, up)


def _equal_columns(plan: lp.Join) -> list[e.Attribute]:
    """Return the nullable columns that a join compares by `=`."""
    found = []
    for part in [] if plan.condition is None else _conjuncts(plan.condition):
        if isinstance(part, e.Call) and part.name in ("=", "=="):
            found += [a for a in part.args if isinstance(a, e.Attribute) and a.nullable]
    return found


def _split(
    conditions: Sequence[e.Expression], goes_down: Callable[[set[int]], bool]
) -> tuple[list[e.Expression], list[e.Expression]]:
    down: list[e.Expression] = []
    up: list[e.Expression] = []
    for condition in conditions:
        simple = not is_volatile(condition) and not any(
            isinstance(node, e.SubqueryExpression) for node in condition.walk()
        )
        (down if simple and goes_down(e.references(condition)) else up).append(condition)
    return down, up


def _conjuncts(condition: e.Expression) -> list[e.Expression]:
    if isinstance(condition, e.Call) and condition.name == "and":
        return [part for argument in condition.args for part in _conjuncts(argument)]
    return [condition]


def _substituted(condition: e.Expression, columns: dict[int, e.Expression]) -> e.Expression:
    def column(node: e.Expression) -> e.Expression:
        return columns.get(node.id, node) if isinstance(node, e.Attribute) else node

    return condition.transform_up(column)


def _filtered(plan: lp.LogicalPlan, conditions: Sequence[e.Expression]) -> lp.LogicalPlan:
    if not conditions:
        return plan
    whole = conditions[0]
    for condition in conditions[1:]:
        whole = registry.bind_call("and", (whole, condition), Conf())
    return lp.Filter(plan, whole)
