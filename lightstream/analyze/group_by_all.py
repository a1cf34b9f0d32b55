"""GROUP BY ALL: the items of a select list that do not aggregate are the keys."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.analyze.aggregate import is_aggregate_call, lateral_in_group_by
from lightstream.analyze.expressions import ExpressionResolver
from lightstream.errors import AnalysisException
from lightstream.plan import expressions as e


def keys_of_all(
    items: Sequence[e.Alias | e.Attribute], resolver: ExpressionResolver
) -> list[e.Alias | e.Attribute]:
    """Return the keys among the items, which `resolver` has resolved.

    Raises:
        AnalysisException: UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_GROUP_BY, UNRESOLVED_ALL_IN_GROUP_BY.
    """
    if not all(map(_aggregates, resolver.lateral_items)):
        raise lateral_in_group_by()
    keys = [item for item in items if not _aggregates(item)]
    if not keys and any(map(_has_column, items)):
        raise AnalysisException(
            "UNRESOLVED_ALL_IN_GROUP_BY",
            "Cannot infer grouping columns for GROUP BY ALL based on the select clause. Name the grouping columns.",
            sqlstate="42803",
        )
    return keys


def _aggregates(item: e.Expression) -> bool:
    return any(map(is_aggregate_call, item.walk()))


def _has_column(expression: e.Expression) -> bool:
    """Return whether an expression has a column outside of its aggregates."""
    if is_aggregate_call(expression):
        return False
    return isinstance(expression, e.Attribute) or any(map(_has_column, expression.children))
