"""Aggregates, each as cores whose states merge."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.coercion import adjusted, cast_to
from lightstream.functions.operators import check_orderable
from lightstream.functions.registry import AggregateParts, Bound, SqlContext, aggregate
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, type_of

# ---- count ----------------------------------------------------------------------------------------------------


def _bind_count(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not args:
        raise mismatch.wrong_count(name, "> 0", 0)
    return Bound(args, t.LongType(), False)


def _count_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    if len(call.args) == 1:
        return AggregateParts(("count({0})",), "{0}", ("sum",))
    if call.distinct:
        # A row counts when none of its values is NULL.
        values = ", ".join(f"{{{i}}}" for i in range(len(call.args)))
        known = " AND ".join(f"{{{i}}} IS NOT NULL" for i in range(len(call.args)))
        return AggregateParts((f"count(CASE WHEN {known} THEN ROW({values}) END)",), "{0}", ("sum",))
    known = " AND ".join(f"{{{i}}} IS NOT NULL" for i in range(len(call.args)))
    return AggregateParts((f"count(CASE WHEN {known} THEN 1 END)",), "{0}", ("sum",))


aggregate("count", _bind_count, _count_parts)
aggregate("count_if", "boolean -> bigint!", "count(CASE WHEN {0} THEN 1 END)", merge="sum")


# ---- sum and avg ----------------------------------------------------------------------------------------------


def _bind_sum(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("numeric|daytime|yearmonth -> $0?").bind(name, args, conf)
    found = bound.type
    result: t.DataType
    match found:
        case t.DecimalType():
            result = t.DecimalType(min(38, found.precision + 10), found.scale)
        case t.IntegralType():
            result = t.LongType()
        case t.DayTimeIntervalType():
            result = t.DayTimeIntervalType()
        case t.YearMonthIntervalType():
            result = t.YearMonthIntervalType()
        case _:
            result = t.DoubleType()
    return Bound(bound.args, result, True)


def _sum_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    source = type_of(call.args[0])
    name = duck_type(call.type)
    match source:
        case t.FloatType():
            return AggregateParts(("sum(CAST({0} AS DOUBLE))",), "{0}", ("sum",))
        case t.DoubleType():
            return AggregateParts(("sum({0})",), "{0}", ("sum",))
        case t.DecimalType():
            word = "CAST" if ctx.ansi else "TRY_CAST"
            return AggregateParts(("sum({0})",), f"{word}({{0}} AS {name})", ("sum",))
    # A HUGEINT in DuckDB: overflow shows when the result becomes a bigint.
    if ctx.ansi or not isinstance(source, t.IntegralType):
        return AggregateParts(("sum({0})",), f"CAST({{0}} AS {name})", ("sum",))
    from lightstream.functions.operators import wrapping

    return AggregateParts(("sum({0})",), wrapping("+", "{0}", "0", call.type), ("sum",))


aggregate("sum", _bind_sum, _sum_parts)


def _bind_avg(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("numeric|daytime|yearmonth -> $0?").bind(name, args, conf)
    found = bound.type
    result: t.DataType = t.DoubleType()
    if isinstance(found, t.DecimalType):
        result = adjusted_average(found)
    elif isinstance(found, t.DayTimeIntervalType):
        result = t.DayTimeIntervalType()
    elif isinstance(found, t.YearMonthIntervalType):
        result = t.YearMonthIntervalType()
    return Bound(bound.args, result, True)


def adjusted_average(source: t.DecimalType) -> t.DecimalType:
    """Return the type of an average of decimals: four digits more on both sides of the point."""
    return t.DecimalType(min(38, source.precision + 4), min(38, source.scale + 4))


def _avg_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    source = type_of(call.args[0])
    merges = ("sum", "sum")
    if isinstance(source, t.DecimalType) and isinstance(call.type, t.DecimalType):
        from lightstream.functions import decimals

        total = t.DecimalType(min(38, source.precision + 10), source.scale)
        count = t.DecimalType(20, 0)
        quotient = decimals.arithmetic(
            "/", f"CAST({{0}} AS {duck_type(total)})", "CAST({1} AS DECIMAL(20,0))", (total, count), call.type, False
        )
        return AggregateParts(("sum({0})", "count({0})"), quotient, merges)
    if isinstance(source, t.AnsiIntervalType):
        from lightstream.errors import unsupported

        raise unsupported("The average of intervals")
    # Spark adds doubles; whole numbers are added exactly here, and agree while the sum is below 2^53.
    core = "sum(CAST({0} AS DOUBLE))" if isinstance(source, t.FloatType) else "sum({0})"
    return AggregateParts((core, "count({0})"), "(CAST({0} AS DOUBLE) / nullif({1}, 0))", merges)


aggregate("avg mean", _bind_avg, _avg_parts)


# ---- min and max ----------------------------------------------------------------------------------------------


def _bind_extreme(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any -> $0?").bind(name, args, conf)
    check_orderable(name, args, bound.type)
    return bound


aggregate("min", _bind_extreme, "min({0})", merge="min")
aggregate("max", _bind_extreme, "max({0})", merge="max")
