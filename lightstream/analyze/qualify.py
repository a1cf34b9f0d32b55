"""QUALIFY: a filter above the select list, whose windows are those of the rows that the select list gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.analyze.aggregate import (
    build_aggregate,
    has_aggregate,
    having_condition,
    is_aggregate_call,
    missing_group_by,
    resolved_parts,
    sets_of,
)
from lightstream.analyze.analyzer import Analyzer, rule
from lightstream.analyze.calls import makes_rows
from lightstream.analyze.columns import project
from lightstream.analyze.expressions import ExpressionResolver
from lightstream.analyze.naming import shown
from lightstream.analyze.scope import Scope
from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.type_texts import name_sql

Item = e.Alias | e.Attribute


@rule(r.Qualify)
def _qualify(relation: r.Qualify, analyzer: Analyzer) -> lp.LogicalPlan:
    """Resolve `SELECT ... QUALIFY condition`."""
    query = relation.input
    assert isinstance(query, r.Aggregate | r.Project)
    try:
        return _qualified(relation, query, analyzer)
    except AnalysisException as error:
        # Spark looks for windows before it asks for OVER.
        given = (*query.items, relation.condition)
        if error.getCondition() == "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE" and not _has_window(given):
            raise _no_window() from None
        raise


def _qualified(relation: r.Qualify, query: r.Aggregate | r.Project, analyzer: Analyzer) -> lp.LogicalPlan:
    keys: Sequence[Item] = ()
    if isinstance(query, r.Aggregate):
        child, keys, items, resolver = resolved_parts(query, analyzer)
    else:
        child = analyzer.plan(query.input)
        resolver = analyzer.over(child)
        items = resolver.named_all(query.items)
    named = analyzer.resolver(_names(items, child, resolver.scope))
    condition = named.condition(relation.condition, "having")
    known = {item.id for item in items}
    below = [a for a in (*child.output, *child.hidden) if a.id not in known]
    if isinstance(query, r.Aggregate) or any(map(has_aggregate, items)):
        below = [a for a in below if a.id in e.references(condition)]
        for column in below:
            if all(column.id != key.id for key in keys):
                raise _not_grouped(column, items)
        plan = _aggregated(query, child, keys, [*items, *below], resolver)
    else:
        plan = project(child, [*items, *below])
    _check(condition, items)
    moved = {item.id: a for item, a in zip((*items, *below), plan.output, strict=True)}
    hidden = e.Alias(condition.transform_up(lambda n: _moved(n, moved)), ("hidden",), id=e.fresh_id())
    above = project(plan, [*plan.output, hidden])
    return lp.Project(lp.Filter(above, hidden.to_attribute()), plan.output[: len(items)])


class _Names(Scope):
    """Names that mean a column of `first`, or else one of `second`."""

    def __init__(self, first: Sequence[e.Attribute], second: Sequence[e.Attribute], like: Scope) -> None:
        super().__init__(first, like.case_sensitive, like.hidden, like.outer, like.plans)
        self._second = Scope(second, like.case_sensitive)

    def find(self, parts: tuple[str, ...]) -> e.Expression | None:
        return super().find(parts) or self._second.find(parts)


def _names(items: Sequence[Item], child: lp.LogicalPlan, scope: Scope) -> Scope:
    """Return what names in the condition mean.

    Spark: what is below the select list comes first; where that has windows, it is the other way round, and columns
    that the windows read stand beside what comes out, as all do beside what a generator makes.
    """
    given = [_column(item) for item in items]
    windows = [node for item in items for node in item.walk() if isinstance(node, e.WindowExpression)]
    if windows:
        read = {i for window in windows for i in _read(window)}
        return _Names([*given, *(a for a in child.output if a.id in read)], child.output, scope)
    made = [_column(item) for item in items if any(map(makes_rows, item.walk()))]
    return _Names([*child.output, *made], given, scope)


def _read(expression: e.Expression) -> set[int]:
    """Return the columns that an expression reads as they are, not in an aggregate."""
    if isinstance(expression, e.Attribute):
        return {expression.id}
    inner = expression.function.children if isinstance(expression, e.WindowExpression) else ()
    below = [*inner, *(c for c in expression.children if not is_aggregate_call(c))]
    return {i for child in below for i in _read(child)}


def _aggregated(
    query: r.Aggregate | r.Project,
    child: lp.LogicalPlan,
    keys: Sequence[Item],
    items: list[Item],
    resolver: ExpressionResolver,
) -> lp.LogicalPlan:
    if not isinstance(query, r.Aggregate):
        return build_aggregate(child, keys, items)
    having = having_condition(query.having, items, resolver, keys)
    return build_aggregate(child, keys, items, sets_of(query, len(keys)), having)


def _column(item: Item) -> e.Attribute:
    column = item if isinstance(item, e.Attribute) else item.to_attribute()
    if not isinstance(item, e.Alias) or not makes_rows(item.child):
        return column
    assert isinstance(column.type, t.StructType)
    if len(column.type) > 1:
        raise unsupported("QUALIFY beside a generator of several columns", "Use it in a subquery.")
    [field] = column.type
    return replace(column, type=field.dataType, nullable=field.nullable)


def _moved(node: e.Expression, moved: dict[int, e.Attribute]) -> e.Expression:
    return moved.get(node.id, node) if isinstance(node, e.Attribute) else node


def _check(condition: e.Expression, items: Sequence[Item]) -> None:
    outside = _aggregate_outside_windows(condition)
    if outside is not None:
        raise AnalysisException(
            "QUALIFY_AGGREGATE_NOT_ALLOWED",
            f'Aggregate functions are not supported in QUALIFY: "{shown(outside)}".',
            sqlstate="42903",
            parameters={"aggregateExpr": f'"{shown(outside)}"'},
        )
    if not _has_window((*items, condition)):
        raise _no_window()
    if has_aggregate(condition):
        raise missing_group_by()


def _aggregate_outside_windows(expression: e.Expression) -> e.Expression | None:
    if isinstance(expression, e.WindowExpression):
        return None
    if is_aggregate_call(expression):
        return expression
    found = map(_aggregate_outside_windows, expression.children)
    return next((call for call in found if call is not None), None)


def _has_window(expressions: Sequence[e.Expression]) -> bool:
    return any(isinstance(node, e.WindowExpression) for found in expressions for node in found.walk())


def _not_grouped(column: e.Attribute, items: Sequence[Item]) -> AnalysisException:
    name, *given = (".".join(map(name_sql, (*a.qualifier, a.name))) for a in (column, *map(_column, items)))
    return AnalysisException(
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        f"A column, variable, or function parameter with name {name} cannot be resolved above the aggregation. Did you "
        f"mean one of the following? [{', '.join(given)}].",
        sqlstate="42703",
        parameters={"objectName": name, "proposal": ", ".join(given)},
    )


def _no_window() -> AnalysisException:
    return AnalysisException(
        "QUALIFY_REQUIRES_WINDOW_FUNCTION",
        "QUALIFY requires at least one window function in the select list or in its condition.",
        sqlstate="42903",
    )
