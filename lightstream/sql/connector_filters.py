"""Conditions as the filters of `pyspark.sql.datasource`. What has no such form is left to the query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightstream.plan import types as t
from lightstream.plan.expressions import Attribute, Call, Cast, Expression, Literal
from lightstream.sql import datasource as ds

_COMPARISONS: Mapping[str, type[Any]] = {
    "==": ds.EqualTo, "<=>": ds.EqualNullSafe, ">": ds.GreaterThan, ">=": ds.GreaterThanOrEqual,
    "<": ds.LessThan, "<=": ds.LessThanOrEqual,
}  # fmt: skip
_MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_TEXTS: Mapping[str, type[Any]] = {
    "startswith": ds.StringStartsWith, "endswith": ds.StringEndsWith, "contains": ds.StringContains,
}  # fmt: skip
# Values whose form in a plan is that of Python.
_PLAIN = (t.BooleanType, t.IntegralType, t.FloatType, t.DoubleType, t.DecimalType, t.StringType, t.DateType)


def filter_of(condition: Expression, columns: Sequence[Attribute]) -> ds.Filter | None:
    """Return a condition as a filter; None when it has no such form."""
    names = {column.id: column.name for column in columns}
    match condition:
        case Attribute() if condition.id in names:
            return ds.EqualTo((names[condition.id],), True)
        case Call(name="not", args=(inner,)):
            child = filter_of(inner, columns)
            if isinstance(child, ds.IsNull):
                return ds.IsNotNull(child.attribute)
            return None if child is None else ds.Not(child)
        case Call(name="!=", args=args):
            equal = _compared("==", args, names)
            return None if equal is None else ds.Not(equal)
        case Call(name=name, args=args) if name in _COMPARISONS:
            return _compared(name, args, names)
        case Call(name="isnull" | "isnotnull" as name, args=(Attribute() as column,)) if column.id in names:
            kind = ds.IsNull if name == "isnull" else ds.IsNotNull
            return kind((names[column.id],))
        case Call(name="in", args=(Attribute() as column, *items)) if items and column.id in names:
            found = [value for item in items for value in _value(item) or ()]
            if len(found) < len(items):
                return None
            return ds.In((names[column.id],), found)  # type: ignore[arg-type]  # Spark gives a list
        case Call(name="like", args=(Attribute() as column, Literal() as pattern, Literal(value="\\"))):
            return _like((names[column.id],), pattern.value) if column.id in names else None
        case Call(name=name, args=(Attribute() as column, Literal(value=str() as text))) if name in _TEXTS:
            return _TEXTS[name]((names[column.id],), text) if column.id in names else None
    return None


def not_null(pushed: Sequence[ds.Filter], columns: Sequence[Attribute]) -> list[ds.Filter]:
    """Return the filters that follow from others, as Spark's optimizer adds them: a compared column is not null."""
    nullable = {column.name for column in columns if column.nullable}
    said = {one.attribute for one in pushed if isinstance(one, ds.IsNotNull)}
    found: list[ds.Filter] = []
    for one in pushed:
        inner = one.child if isinstance(one, ds.Not) else one
        if isinstance(inner, ds.EqualNullSafe | ds.IsNull | ds.IsNotNull):
            continue
        column: tuple[str, ...] = inner.attribute  # type: ignore[attr-defined]
        if column[0] in nullable and column not in said:
            said.add(column)
            found.append(ds.IsNotNull(column))
    return found


def _compared(name: str, args: Sequence[Expression], names: Mapping[int, str]) -> ds.Filter | None:
    left, right = args
    if isinstance(left, Literal):
        left, right, name = right, left, _MIRRORED.get(name, name)
    value = _value(right)
    if not isinstance(left, Attribute) or left.id not in names or value is None:
        return None
    found: ds.Filter = _COMPARISONS[name]((names[left.id],), value[0])
    return found


def _value(expression: Expression) -> tuple[Any] | None:
    """Return the value of a constant, in a tuple; None for anything else."""
    while isinstance(expression, Cast) and expression.type == _type(expression.child):
        expression = expression.child
    if not isinstance(expression, Literal) or expression.value is None:
        return None
    return (expression.value,) if isinstance(expression.type, _PLAIN) else None


def _type(expression: Expression) -> t.DataType | None:
    found: t.DataType | None = getattr(expression, "type", None)
    return found


def _like(column: tuple[str, ...], pattern: Any) -> ds.Filter | None:
    """Return `LIKE` with a wildcard at one end, or at both."""
    if not isinstance(pattern, str) or "_" in pattern or "\\" in pattern:
        return None
    text = pattern.strip("%")
    if not text or "%" in text:
        return None
    before, _, after = pattern.partition(text)
    match len(before), len(after):
        case 0, 0:
            return ds.EqualTo(column, text)
        case 0, 1:
            return ds.StringStartsWith(column, text)
        case 1, 0:
            return ds.StringEndsWith(column, text)
        case 1, 1:
            return ds.StringContains(column, text)
    return None
