"""Subqueries in expressions: scalar ones, IN and EXISTS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.analyze.scope import Scope
from lightstream.errors import AnalysisException
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.logical import LogicalPlan, Project

if TYPE_CHECKING:
    from lightstream.analyze.expressions import ExpressionResolver
    from lightstream.plan.relations import Relation


def subquery_expression(resolver: ExpressionResolver, subquery: e.SubqueryExpression) -> e.Expression:
    """Return a subquery with its plan, and with what it uses of the enclosing query."""
    if isinstance(subquery.plan, LogicalPlan):
        return subquery
    for (
        given,
        resolved,
    ) in resolver.subqueries:  # one that stands twice is one: as a key and in the select list
        if given == subquery and not resolver.lambda_variables:
            return resolved
    found = _resolved(resolver, subquery, subquery.plan)
    resolver.subqueries.append((subquery, found))
    return found


def _resolved(
    resolver: ExpressionResolver, subquery: e.SubqueryExpression, relation: Relation
) -> e.Expression:
    inner_scope = Scope((), resolver.conf.case_sensitive, outer=resolver.scope)
    plan = resolver.analyze_subquery(relation, inner_scope)
    check_static(plan)
    outer = tuple(inner_scope.used_outer.values())
    values = tuple(resolver.value(v) for v in subquery.values)
    if subquery.kind == "scalar":
        if len(plan.output) != 1:
            raise AnalysisException(
                "INVALID_SUBQUERY_EXPRESSION.SCALAR_SUBQUERY_RETURN_MORE_THAN_ONE_OUTPUT_COLUMN",
                f"Scalar subquery must return only one column, but got {len(plan.output)}.",
                sqlstate="42823",
                parameters={"number": str(len(plan.output))},
            )
        return replace(subquery, plan=plan, outer=outer, type=plan.output[0].type)
    if subquery.kind == "in":
        values, plan = _match_in(values, plan, resolver.conf.ansi)
        nullable = any(map(e.nullable_of, (*values, *plan.output)))
        return replace(subquery, plan=plan, outer=outer, values=values, nullable=nullable)
    return replace(subquery, plan=plan, outer=outer, values=values, nullable=False)


def check_static(plan: LogicalPlan) -> None:
    """Refuse a stream in a subquery, as Spark does: it has no answer as a whole."""
    if plan.is_streaming:
        raise AnalysisException(
            "INVALID_SUBQUERY_EXPRESSION.STREAMING_QUERY",
            "Invalid subquery: Streaming query is not allowed in subquery expressions.",
            sqlstate="42823",
        )


def _match_in(
    values: tuple[e.Expression, ...], plan: LogicalPlan, ansi: bool
) -> tuple[tuple[e.Expression, ...], LogicalPlan]:
    from lightstream.functions.coercion import cast_to, common_type
    from lightstream.functions.predicates import check_orderable

    if len(values) != len(plan.output):
        raise AnalysisException(
            "DATATYPE_MISMATCH.IN_SUBQUERY_LENGTH_MISMATCH",
            f"The number of columns in the left hand side ({len(values)}) of an IN subquery does not match the number "
            f"of columns in the output of the subquery ({len(plan.output)}).",
            sqlstate="42K09",
        )
    left: list[e.Expression] = []
    right: list[e.Alias | e.Attribute] = []
    for value, column in zip(values, plan.output, strict=True):
        target = common_type([e.type_of(value), column.type], ansi)
        if target is None and t.same_structure(e.type_of(value), column.type):
            target = e.type_of(value)
        if target is None:
            raise AnalysisException(
                "DATATYPE_MISMATCH.IN_SUBQUERY_DATA_TYPE_MISMATCH",
                f'The data type of the left hand side "{e.type_of(value).sql()}" of an IN subquery is not compatible '
                f'with the data type "{column.type.sql()}" of its output.',
                sqlstate="42K09",
            )
        check_orderable("in", values, target)
        cast_left, cast_right = cast_to(value, target, ansi), cast_to(column, target, ansi)
        left.append(cast_left)
        right.append(column if cast_right is column else e.Alias(cast_right, (column.name,), id=e.fresh_id()))
    if all(isinstance(item, e.Attribute) for item in right):
        return tuple(left), plan
    return tuple(left), Project(plan, tuple(right))
