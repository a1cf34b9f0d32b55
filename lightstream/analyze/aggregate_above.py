"""What stands above an aggregation and may name aggregates that it lacks: filters, ORDER BY."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lightstream.analyze.aggregate import (
    ALL,
    build_aggregate,
    calls_aggregate,
    grouping_call,
    has_aggregate,
    having_condition,
    is_aggregate_name,
    is_named,
    nested_aggregate,
    over_aggregate,
    resolved_parts,
    sets_of,
)
from lightstream.analyze.analyzer import Analyzer
from lightstream.analyze.columns import project
from lightstream.analyze.expressions import ExpressionResolver, check_sorts, check_subqueries
from lightstream.analyze.naming import shown, trim_alias
from lightstream.analyze.rows import order_by, ordinal_column, refuse_window_in_sort, sort_orders
from lightstream.conf import Conf
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r


def with_aggregates(
    plan: lp.LogicalPlan, below: lp.Aggregate, expressions: Sequence[e.Expression], analyzer: Analyzer
) -> tuple[lp.LogicalPlan, Sequence[e.Expression]]:
    """Return `plan` (`below`, or a projection of it) with the aggregates that expressions above it call as columns.

    They come back with the expressions, in which these columns stand for the calls.
    """
    if not any(map(calls_aggregate, expressions)):
        return plan, expressions
    resolver = analyzer.over(below.child)
    keys = [(trim_alias(k), k if isinstance(k, e.Attribute) else k.to_attribute()) for k in below.keys]
    aggregates = list(below.aggregates)

    def column(node: e.Expression) -> e.Expression:
        if not isinstance(node, e.UnresolvedFunction):
            return node if isinstance(node, e.SubqueryExpression) else node.map_children(column)
        if node.name.lower() in ("grouping", "grouping_id") and below.grouping_id is not None:
            grouping = resolver.value(node)
            assert isinstance(grouping, e.Call)
            return grouping_call(grouping, keys, below.grouping_id, Conf())
        if not is_aggregate_name(node.name):
            return node.map_children(column)
        call = resolver.value(node)
        assert isinstance(call, e.Call)
        if any(map(has_aggregate, call.children)):
            raise nested_aggregate()
        for known in aggregates:
            if known.child == call:
                return known.to_attribute()
        aggregates.append(e.Alias(call, (shown(call),), id=e.fresh_id()))
        return aggregates[-1].to_attribute()

    found = [column(expression) for expression in expressions]
    wider: lp.LogicalPlan = replace(below, aggregates=tuple(aggregates))
    if isinstance(plan, lp.Project):
        present = {item.id for item in plan.output}
        more = [a for a in wider.output if a.id not in present]
        wider = lp.Project(wider, (*plan.items, *more))
    return wider, found


# ---- ORDER BY above an aggregation, where it may name aggregates that the select list lacks ---------------------


def sorted_aggregate(sort: r.Sort, relation: r.Aggregate, analyzer: Analyzer) -> lp.LogicalPlan:
    """Resolve `SELECT ... GROUP BY ... [HAVING ...] ORDER BY ...`."""
    child, keys, items, resolver = resolved_parts(relation, analyzer)
    return _sorted(sort, child, keys, items, resolver, relation, analyzer)


def sorted_global_aggregate(sort: r.Sort, relation: r.Project, analyzer: Analyzer) -> lp.LogicalPlan | None:
    """Resolve `SELECT <aggregates> FROM ... ORDER BY ...`; None when the select list holds no aggregate."""
    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    items = resolver.named_all(relation.items, lateral=True)
    if resolver.lateral_used:
        return None
    if not any(has_aggregate(item) for item in items):
        plan = project(child, items)
        return order_by(plan, sort_orders(sort.orders, plan, analyzer), sort.is_global, analyzer)
    return _sorted(sort, child, [], items, resolver, None, analyzer)


def _sorted(
    sort: r.Sort,
    child: lp.LogicalPlan,
    keys: Sequence[e.Alias | e.Attribute],
    items: Sequence[e.Alias | e.Attribute],
    resolver: ExpressionResolver,
    relation: r.Aggregate | None,
    analyzer: Analyzer,
) -> lp.LogicalPlan:
    hidden: list[e.Alias] = []
    orders: list[e.SortOrder] = []
    positions: dict[int, int] = {}
    for order in _each(sort.orders, items, resolver):
        if isinstance(order.child, e.UnresolvedOrdinal):
            targets = [i if isinstance(i, e.Attribute) else i.to_attribute() for i in items]
            positions[len(orders)] = order.child.position - 1
            orders.append(replace(order, child=ordinal_column(order.child, targets, "ORDER BY")))
            continue
        refuse_window_in_sort(order.child, resolver.value)
        alias = e.Alias(over_aggregate(order.child, items, resolver), ("order",), id=e.fresh_id())
        if all(alias.child != trim_alias(item) for item in items):
            check_subqueries(alias.child, "a sort key")
        hidden.append(alias)
        orders.append(replace(order, child=alias.to_attribute()))
    having = None if relation is None else having_condition(relation.having, items, resolver, keys)
    sets = sets_of(relation, len(keys)) if relation is not None else ()
    wide = build_aggregate(child, keys, [*items, *hidden], sets, having)
    by_position = dict(zip((h.id for h in hidden), wide.output[len(items) :], strict=True))
    final = [
        replace(o, child=wide.output[positions[i]])
        if i in positions
        else replace(
            o, child=by_position.get(o.child.id, o.child) if isinstance(o.child, e.Attribute) else o.child
        )
        for i, o in enumerate(orders)
    ]
    check_sorts(final)
    sorted_plan = lp.Sort(wide, tuple(final), sort.is_global)
    return lp.Project(sorted_plan, wide.output[: len(items)])


def _each(
    orders: Sequence[e.SortOrder], items: Sequence[e.Alias | e.Attribute], resolver: ExpressionResolver
) -> Iterator[e.SortOrder]:
    """Return the sort keys; for ORDER BY ALL the column of that name, or each column's place."""
    for order in orders:
        if not isinstance(order.child, e.AllColumns):
            yield order
        elif is_named(ALL, items, resolver):
            yield replace(order, child=ALL)
        else:
            places = range(1, len(items) + 1)
            yield from (replace(order, child=e.UnresolvedOrdinal(place)) for place in places)
