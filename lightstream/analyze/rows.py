"""Relations that say which rows there are, and in which order: where, orderBy, limit and their kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lightstream.analyze.analyzer import Analyzer, rule
from lightstream.analyze.calls import makes_rows
from lightstream.analyze.columns import check_columns, project
from lightstream.analyze.expressions import check_no_maps, check_sorts, star_refused
from lightstream.analyze.naming import shown
from lightstream.analyze.scope import Layers, Scope, scope_of
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    internal,
)
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t


@rule(r.Filter)
def _filter(relation: r.Filter, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions.registry import wants_row

    child = analyzer.plan(relation.input)
    wider, (given,) = _above_aggregation(child, [relation.condition], analyzer)
    if wider is not child:  # HAVING, in a DataFrame
        return lp.Project(_filter(r.Filter(wider, given), analyzer), child.output)
    try:
        condition = analyzer.over(child).condition(relation.condition, "filter")
    except AnalysisException as error:
        below = _below_projection(child, error)
        condition = analyzer.over(child, *below).condition(relation.condition, "filter")
    _refuse_in_where(condition)
    if any(map(wants_row, condition.walk())):
        kept = e.Alias(condition, ("condition",), id=e.fresh_id())
        below_it = project(child, [*child.output, kept])
        return lp.Project(lp.Filter(below_it, kept.to_attribute()), child.output)
    missing = e.references(condition) - {a.id for a in (*child.output, *child.hidden)}
    widened = _carry(child, missing) if missing else child
    if widened is None:
        check_columns(child, (condition,))
        raise internal("filter columns that cannot be carried")
    filtered = lp.Filter(widened, condition)
    return lp.Project(filtered, child.output) if missing else filtered


def _above_aggregation(
    child: lp.LogicalPlan, expressions: Sequence[e.Expression], analyzer: Analyzer
) -> tuple[lp.LogicalPlan, Sequence[e.Expression]]:
    below = child.child if isinstance(child, lp.Project) else child
    if not isinstance(below, lp.Aggregate) or below.is_streaming or not below.aggregates:
        return child, expressions
    from lightstream.analyze.aggregate_above import with_aggregates

    return with_aggregates(child, below, expressions, analyzer)


def _refuse_in_where(condition: e.Expression) -> None:
    from lightstream.analyze.aggregate import has_aggregate, is_aggregate_call

    if any(isinstance(node, e.WindowExpression) for node in condition.walk()):
        raise AnalysisException(
            "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE",
            "It is not allowed to use window functions inside WHERE clause.",
            sqlstate="42601",
            parameters={"clauseName": "WHERE"},
        )
    if has_aggregate(condition):
        aggregates = ", ".join(shown(node) for node in condition.walk() if is_aggregate_call(node))
        raise AnalysisException(
            "INVALID_WHERE_CONDITION",
            f'The WHERE condition "{shown(condition)}" contains an aggregate function. '
            "Rewrite the query to avoid it: use HAVING, or a subquery.",
            sqlstate="42903",
            parameters={"condition": f'"{shown(condition)}"', "expressionList": aggregates},
        )


# ---- order, limit ---------------------------------------------------------------------------------------------


@rule(r.Sort)
def _sort(relation: r.Sort, analyzer: Analyzer) -> lp.LogicalPlan:
    if any(isinstance(order.child, e.UnresolvedStar) for order in relation.orders):
        raise star_refused("Sort")
    if isinstance(relation.input, r.Aggregate) and relation.input.kind != "distinct":
        from lightstream.analyze.aggregate_above import sorted_aggregate

        return sorted_aggregate(relation, relation.input, analyzer)
    if isinstance(relation.input, r.Project):
        from lightstream.analyze.aggregate_above import sorted_global_aggregate

        found = sorted_global_aggregate(relation, relation.input, analyzer)
        if found is not None:
            return found
    for order in relation.orders:
        if any(isinstance(node, e.UnresolvedStar) for node in order.child.walk()):
            raise star_refused("Sort")
    child = analyzer.plan(relation.input)
    keys: Sequence[e.Expression] = [order.child for order in relation.orders]
    wider, keys = _above_aggregation(child, keys, analyzer)
    if isinstance(child, lp.Filter):
        below, keys = _above_aggregation(child.child, keys, analyzer)
        wider = child if below is child.child else replace(child, child=below)
    given = [replace(order, child=key) for order, key in zip(relation.orders, keys, strict=True)]
    plan = order_by(wider, sort_orders(given, wider, analyzer), relation.is_global, analyzer)
    return plan if wider is child else lp.Project(plan, child.output)


def sort_orders(
    orders: Sequence[e.SortOrder], child: lp.LogicalPlan, analyzer: Analyzer
) -> list[e.SortOrder]:
    """Resolve sort keys over a plan's output, and below its projection where the output lacks a name."""
    resolved = []
    for order in orders:
        ordinal = as_ordinal(order.child)
        if ordinal is not None:
            resolved.append(replace(order, child=ordinal_column(ordinal, child.output, "ORDER BY")))
            continue
        if isinstance(order.child, e.AllColumns):
            named = _own_sort_key(e.UnresolvedAttribute(("all",)), child, analyzer)
            columns = child.output if isinstance(named, AnalysisException) else (named,)
            resolved.extend(replace(order, child=column) for column in columns)
            continue
        resolved.append(replace(order, child=_sort_key(order.child, child, analyzer)))
    return resolved


def _sort_key(key: e.Expression, child: lp.LogicalPlan, analyzer: Analyzer) -> e.Expression:
    found = _own_sort_key(key, child, analyzer)
    if not isinstance(found, AnalysisException):
        return found
    if analyzer.outer is None:
        raise found
    return analyzer.over(child).value(key)


def _own_sort_key(
    key: e.Expression, child: lp.LogicalPlan, analyzer: Analyzer
) -> e.Expression | AnalysisException:
    # Spark: what the query has below its select list comes before the columns of an enclosing query.
    own = Analyzer(analyzer.session, analyzer.tables)
    below = _inputs_of_projections(child)
    scope = Layers([scope_of((plan,), analyzer.conf.case_sensitive) for plan in (child, *below)])
    try:
        for node in key.walk():
            if isinstance(node, e.SubqueryExpression) and node.kind != "in":
                own.over(child).value(node)  # inside it only the output's columns have names
        return own.resolver(scope).value(key)
    except AnalysisException as failure:
        return failure


def order_by(
    child: lp.LogicalPlan, orders: Sequence[e.SortOrder], is_global: bool, analyzer: Analyzer
) -> lp.LogicalPlan:
    """Return a Sort; columns that only the sort needs are carried through the projection below and dropped above."""
    check_sorts(orders)
    _refuse_in_sort(orders)
    needed: set[int] = set()
    for order in orders:
        needed |= e.references(order)
    missing = needed - {a.id for a in (*child.output, *child.hidden)}
    if not missing:
        return lp.Sort(child, tuple(orders), is_global)
    widened = _carry(child, missing)
    if widened is None:
        check_columns(child, orders)
        raise internal("sort columns that cannot be carried")
    return lp.Project(lp.Sort(widened, tuple(orders), is_global), child.output)


def _refuse_in_sort(orders: Sequence[e.SortOrder]) -> None:
    from lightstream.analyze.aggregate import is_aggregate_call
    from lightstream.analyze.expressions import check_subqueries
    from lightstream.analyze.reshape import check_over

    for order in orders:
        nodes = list(order.child.walk())
        for window in (node for node in nodes if isinstance(node, e.WindowExpression)):
            check_over(window)
        refuse_window_in_sort(order.child)
        if any(map(makes_rows, nodes)):
            raise AnalysisException(
                "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT",
                f"The generator is not supported: outside the SELECT clause, found {shown(order.child)} in Sort.",
                sqlstate="42K0E",
                parameters={"plan": f"Sort [{shown(order)}], true"},
            )
        calls = ", ".join(f'"{shown(node)}"' for node in nodes if is_aggregate_call(node))
        if calls:
            raise AnalysisException(
                "UNSUPPORTED_EXPR_FOR_OPERATOR",
                "A sort key contains an aggregate function. Aggregate first, then sort by the column.",
                sqlstate="42K0E",
                parameters={"operator": "Sort", "invalidExprSqls": calls},
            )
        if any(map(makes_rows, nodes)):
            raise AnalysisException(
                "UNSUPPORTED_GENERATOR.OUTSIDE_SELECT",
                "The generator is not supported outside the SELECT clause: it is in a sort key.",
                sqlstate="42K0E",
                parameters={"plan": "Sort"},
            )
        check_subqueries(order.child, "a sort key")
        if any(isinstance(node, e.Call) and node.name == "(shown)" for node in nodes):
            raise AnalysisException(
                "UNSUPPORTED_SQL_UDF_USAGE",
                f"Using SQL function {shown(order.child)} in Sort is not supported: sort by a column that has it.",
                sqlstate="0A000",
                parameters={"functionName": f"`{shown(order.child).partition('(')[0]}`", "nodeName": "Sort"},
            )


def refuse_window_in_sort(
    key: e.Expression, resolve: Callable[[e.Expression], e.Expression] = lambda node: node
) -> None:
    """Raise where a sort key, which `resolve` resolves, has a function over a window of its own."""
    for node in key.walk():
        if isinstance(node, e.WindowExpression):
            text = shown(resolve(node))
            raise AnalysisException(
                "UNSUPPORTED_EXPR_FOR_OPERATOR",
                f"A sort key has a function over a window, {text}. Sort by a column that has it.",
                sqlstate="42K0E",
                parameters={"operator": "Sort", "invalidExprSqls": f'"{text}"'},
            )


def _carry(plan: lp.LogicalPlan, ids: set[int]) -> lp.LogicalPlan | None:
    """Return the plan with columns from below its projection added to its output; None when it cannot be."""
    if isinstance(plan, lp.Project):
        below = {a.id: a for a in plan.child.output}
        if ids <= below.keys():
            return lp.Project(plan.child, (*plan.items, *(below[i] for i in sorted(ids))))
        deeper = _carry(plan.child, ids - below.keys())
        if deeper is None:
            return None
        every = {a.id: a for a in deeper.output}
        return lp.Project(deeper, (*plan.items, *(every[i] for i in sorted(ids))))
    if isinstance(plan, lp.SubqueryAlias | lp.Filter | lp.Sort | lp.Watermark):
        inner = _carry(plan.child, ids)
        return None if inner is None else replace(plan, child=inner)
    return None


def _below_projection(child: lp.LogicalPlan, error: AnalysisException) -> tuple[lp.LogicalPlan, ...]:
    """Return the inputs of the projections below, where Spark looks for names that the output lacks."""
    if not (error.getCondition() or "").startswith("UNRESOLVED_COLUMN"):
        raise error
    found = _inputs_of_projections(child)
    if not found:
        raise error
    return found


def _inputs_of_projections(plan: lp.LogicalPlan) -> tuple[lp.LogicalPlan, ...]:
    found: list[lp.LogicalPlan] = []
    while isinstance(plan, lp.Project | lp.Filter | lp.Sort | lp.Watermark):  # not below an alias
        if isinstance(plan, lp.Project):
            found.append(plan.child)
        plan = plan.child
    return tuple(found)


def as_ordinal(expression: e.Expression) -> e.UnresolvedOrdinal | None:
    """Return the position that a grouping or sort key is: a bare whole number, in a DataFrame's keys, too."""
    if isinstance(expression, e.Literal) and isinstance(expression.type, t.IntegerType):
        return None if expression.value is None else e.UnresolvedOrdinal(expression.value)
    return expression if isinstance(expression, e.UnresolvedOrdinal) else None


def ordinal_column(ordinal: e.UnresolvedOrdinal, output: Sequence[e.Attribute], clause: str) -> e.Attribute:
    """Return the column of an output at the position that a key is."""
    if not 1 <= ordinal.position <= len(output):
        name = "ORDER_BY_POS_OUT_OF_RANGE" if clause == "ORDER BY" else "GROUP_BY_POS_OUT_OF_RANGE"
        raise AnalysisException(
            name,
            f"{clause} position {ordinal.position} is not in the select list (valid range is [1, {len(output)}]).",
            sqlstate="42805",
            parameters={"index": str(ordinal.position), "size": str(len(output))},
        )
    return output[ordinal.position - 1]


def constant(expression: e.Expression, analyzer: Analyzer) -> e.Literal | None:
    """Return the value of an expression without columns as a constant; None where it is none."""
    from lightstream.functions.registry import is_constant

    value = analyzer.resolver(Scope((), analyzer.conf.case_sensitive)).value(expression)
    if isinstance(value, e.Literal):
        return value
    return analyzer.session.constant(value) if is_constant(value) else None


def _count(expression: e.Expression, clause: str, analyzer: Analyzer) -> int:
    found = constant(expression, analyzer)
    shown_type = "" if found is None else found.type.sql()
    more = {"dataType": shown_type}
    if found is None:
        kind, why = "IS_UNFOLDABLE", "must be a constant"
    elif not isinstance(found.type, t.IntegerType):
        kind, why = "DATA_TYPE", f'must be of type "INT", not "{shown_type}"'
    elif found.value is None:
        kind, why = "IS_NULL", "must not be NULL"
    elif found.value < 0:
        kind, why = "IS_NEGATIVE", f"must be equal to or greater than 0, but got {found.value}"
        more = {"expr": f'"{shown(found)}"', "v": str(found.value)}
    else:
        return int(found.value)
    raise AnalysisException(
        f"INVALID_LIMIT_LIKE_EXPRESSION.{kind}",
        f"The {clause} expression {why}.",
        sqlstate="42K0E",
        parameters={"name": clause, **more},
    )


@rule(r.Limit)
def _limit(relation: r.Limit, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    count = _count(relation.count, "limit", analyzer)
    if isinstance(child, lp.Limit) and child.count is None:
        return replace(child, count=count)
    return lp.Limit(child, count)


@rule(r.Offset)
def _offset(relation: r.Offset, analyzer: Analyzer) -> lp.LogicalPlan:
    return lp.Limit(analyzer.plan(relation.input), None, _count(relation.count, "offset", analyzer))


@rule(r.Tail)
def _tail(relation: r.Tail, analyzer: Analyzer) -> lp.LogicalPlan:
    return lp.Tail(analyzer.plan(relation.input), relation.count)


@rule(r.Deduplicate)
def _deduplicate(relation: r.Deduplicate, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    if relation.columns is None:
        keys = child.output
    else:
        same = analyzer.over(child).scope.same
        found: list[e.Attribute] = []
        for name in relation.columns:
            matches = [a for a in child.output if same(a.name, name)]
            if not matches:
                names = ", ".join(a.name for a in child.output)
                raise AnalysisException(
                    "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES",
                    f'Cannot resolve column name "{name}" among ({names}).',
                    sqlstate="42703",
                    parameters={"colName": name, "fieldNames": names},
                )
            found.extend(m for m in matches if m not in found)
        keys = tuple(found)
    check_no_maps(keys)
    if not keys and not child.is_streaming:
        return lp.Limit(child, 1)
    if not child.is_streaming:
        from lightstream.analyze.time_windows import is_session, with_merged_sessions

        if any(map(is_session, keys)):  # Spark: in a batch this is an aggregation
            child, _ = with_merged_sessions(child, keys)
    return lp.Deduplicate(child, keys, relation.within_watermark)


@rule(r.WithWatermark)
def _with_watermark(relation: r.WithWatermark, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions.time_windows import interval_of

    child = analyzer.plan(relation.input)
    interval = interval_of(relation.delay)
    # Spark: a month has 31 days here.
    delay_ms = (interval.months * 31 + interval.days) * 86_400_000 + interval.us // 1000
    if delay_ms < 0:
        raise IllegalArgumentException(
            None, f"requirement failed: delay threshold ({relation.delay}) should not be negative."
        )
    if not child.is_streaming:
        return child  # Spark: without effect in a batch query, whatever the column is
    column = analyzer.over(child).value(e.UnresolvedAttribute(tuple(relation.column.split("."))))
    if not isinstance(column, e.Attribute):
        raise AnalysisException(
            "EVENT_TIME_MUST_BE_TOP_LEVEL_COLUMN",
            f"The event time of withWatermark must be a column of its own, but '{relation.column}' is a field of one. "
            "Give it a name with select or withColumn first.",
            sqlstate="42K09",
            parameters={"eventExpr": relation.column},
        )
    if not isinstance(column.type, t.TimestampType):
        raise AnalysisException(
            "EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE",
            f'The event time `{column.name}` has the invalid type "{column.type.sql()}", but expected "TIMESTAMP".',
            sqlstate="42K09",
            parameters={"eventName": f"`{column.name}`", "eventType": f'"{column.type.sql()}"'},
        )
    return lp.Watermark(child, column, delay_ms)


@rule(r.Sample)
def _sample(relation: r.Sample, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.reshape import sampled

    child = analyzer.plan(relation.input)
    fraction = relation.upper - relation.lower
    if fraction < 0 or (fraction > 1 and not relation.with_replacement):
        raise IllegalArgumentException(
            message=f"requirement failed: Sampling fraction ({fraction}) must be "
            + (
                "nonnegative with replacement"
                if relation.with_replacement
                else "on interval [0, 1] without replacement"
            )
        )
    return sampled(child, relation, analyzer)
