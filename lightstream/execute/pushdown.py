"""Filters given to readers that can evaluate them: connectors written in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from lightstream.compile.compiler import is_volatile
from lightstream.conf import Conf
from lightstream.functions import registry
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp


@runtime_checkable
class FilteringReader(Protocol):
    """A reader that may evaluate conditions on its rows."""

    def filtered(
        self, conditions: Sequence[e.Expression], columns: Sequence[e.Attribute]
    ) -> tuple[object, Sequence[e.Expression]]:
        """Return the reader that evaluates what it can, and the conditions that are left."""


def with_pushed_filters(plan: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return a batch plan in which readers evaluate what they can of the filters that stand next to them.

    DuckDB moves all other filters down itself: here only what a reader may leave out of its reading is of interest.
    """
    if not any(isinstance(node, lp.DataSourceScan) and _filters(node) for node in plan.walk()):
        return plan
    return _pushed(plan, ())


def _filters(scan: lp.DataSourceScan) -> bool:
    return isinstance(scan.reader, FilteringReader)


def _pushed(plan: lp.LogicalPlan, conditions: Sequence[e.Expression]) -> lp.LogicalPlan:
    """Return a plan with conditions on its rows: by the reader where it is one's, and otherwise as a filter."""
    from lightstream.analyze.conjuncts import conjuncts

    match plan:
        case lp.Filter() if not _is_fixed(plan.condition):
            return _pushed(plan.child, (*conjuncts(plan.condition), *conditions))
        case lp.SubqueryAlias():
            return replace(plan, child=_pushed(plan.child, conditions))
        case lp.Project() if not any(is_volatile(item) for item in plan.items):
            items = {item.id: item.child for item in plan.items if isinstance(item, e.Alias)}
            return replace(plan, child=_pushed(plan.child, [substituted(c, items) for c in conditions]))
        case lp.DataSourceScan() if _filters(plan):
            reader, left = plan.reader.filtered(conditions, plan.columns)
            return filtered(replace(plan, reader=reader), left)
    return filtered(plan.map_children(lambda child: _pushed(child, ())), conditions)


def _is_fixed(condition: e.Expression) -> bool:
    return is_volatile(condition) or any(isinstance(n, e.SubqueryExpression) for n in condition.walk())


def substituted(condition: e.Expression, columns: Mapping[int, e.Expression]) -> e.Expression:
    """Return a condition with columns in place of others, by their ids."""

    def column(node: e.Expression) -> e.Expression:
        return columns.get(node.id, node) if isinstance(node, e.Attribute) else node

    return condition.transform_up(column)


def filtered(plan: lp.LogicalPlan, conditions: Sequence[e.Expression]) -> lp.LogicalPlan:
    """Return a plan's rows that meet all conditions."""
    whole = all_of(conditions)
    return plan if whole is None else lp.Filter(plan, whole)


def all_of(conditions: Sequence[e.Expression]) -> e.Expression | None:
    """Return conditions as one; None when there is none."""
    whole: e.Expression | None = None
    for condition in conditions:
        whole = condition if whole is None else registry.bind_call("and", (whole, condition), Conf())
    return whole
