"""Aggregates, each as cores whose states merge."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to
from lightstream.functions.normal_forms import normal_form
from lightstream.functions.predicates import check_orderable, holds_nulls, order_key, refuse_null_order
from lightstream.functions.registry import AggregateParts, Bound, SqlContext, aggregate
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

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


def _as_numbers(args: tuple[Expression, ...], conf: Conf) -> tuple[Expression, ...]:
    """Return arguments in which timestamps are seconds: Spark adds these up, too."""
    seconds = t.DoubleType()
    return tuple(
        cast_to(a, seconds, conf.ansi) if isinstance(type_of(a), t.TimestampType) else a for a in args
    )


def _bind_sum(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("numeric|daytime|yearmonth -> $0?").bind(name, _as_numbers(args, conf), conf)
    found = bound.type
    result: t.DataType
    match found:
        case t.DecimalType():
            result = t.DecimalType(min(38, found.precision + 10), found.scale)
        case t.IntegralType():
            result = t.LongType()
        case t.AnsiIntervalType():
            result = found
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
    if ctx.ansi or call.name == "try_sum" or not isinstance(source, t.IntegralType):
        return AggregateParts(("sum({0})",), f"CAST({{0}} AS {name})", ("sum",))
    from lightstream.functions.arithmetic import wrapping

    return AggregateParts(("sum({0})",), wrapping("+", "{0}", "0", call.type), ("sum",))


aggregate("sum", _bind_sum, _sum_parts)


def _bind_avg(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("numeric|daytime|yearmonth -> $0?").bind(name, _as_numbers(args, conf), conf)
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
            "/", "sum(0)", "sum(1)", (total, count), call.type, ctx.ansi and call.name != "try_avg"
        )
        quotient = quotient.replace("{", "{{").replace("}", "}}")
        quotient = quotient.replace("sum(0)", f"CAST({{0}} AS {duck_type(total)})")
        quotient = quotient.replace("sum(1)", "CAST({1} AS DECIMAL(20,0))")
        quotient = f"CASE WHEN {{1}} > 0 THEN {quotient} END"
        return AggregateParts(("sum({0})", "count({0})"), quotient, merges)
    if isinstance(source, t.AnsiIntervalType):
        rounded = "({0} * 2 + sign({0}) * {1}) // (CAST({1} AS HUGEINT) * 2)"
        final = f"CASE WHEN {{1}} > 0 THEN CAST({rounded} AS {duck_type(call.type)}) END"
        return AggregateParts(("sum({0})", "count({0})"), final, merges)
    # Spark adds doubles; whole numbers are added exactly here, and agree while the sum is below 2^53.
    core = "sum(CAST({0} AS DOUBLE))" if isinstance(source, t.FloatType) else "sum({0})"
    return AggregateParts((core, "count({0})"), "(CAST({0} AS DOUBLE) / nullif({1}, 0))", merges)


aggregate("avg mean", _bind_avg, _avg_parts)


# ---- min and max ----------------------------------------------------------------------------------------------


def _bind_extreme(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any -> $0?").bind(name, args, conf)
    check_orderable(name, args, bound.type)
    return bound


def _extreme_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    if not holds_nulls(call.type):
        return AggregateParts((f"{call.name}({{0}})",), "{0}", (call.name,))
    core = f"arg_{call.name}({{0}}, {order_key('{0}', call.type)})"
    return AggregateParts((core,), "{0}", (core,))


aggregate("min", _bind_extreme, _extreme_parts)
aggregate("max", _bind_extreme, _extreme_parts)


def _bind_extreme_by(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any, any, int? -> $0?").bind(name, args, conf)
    if len(args) == 3:
        count = bound.args[2]
        if not isinstance(count, Literal):
            raise mismatch.not_constant(name, args, 2, "k")
        if count.value is None or not 1 <= count.value <= 100_000:
            message = f"The `k` must be between [1, 100000] (current value = {count.value})."
            raise mismatch.data_mismatch("VALUE_OUT_OF_RANGE", name, args, message)
        bound = Bound(bound.args, t.ArrayType(bound.type, True), True)
    check_orderable(name, args, type_of(bound.args[1]))
    if len(args) == 3:
        refuse_null_order(type_of(bound.args[1]))
    return bound


def _extreme_by_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    # Spark: of several rows with the extreme value it is the last one's, here the first one's.
    largest = call.name == "max_by"
    if len(call.args) == 2:
        key = order_key("{1}", type_of(call.args[1]))
        return AggregateParts((f"arg_{'max' if largest else 'min'}_null({{0}}, {key})",))
    count = call.args[2]
    assert isinstance(count, Literal)
    known = "list_filter({0}, lambda ls_e: ls_e.k IS NOT NULL)"
    placed = f"struct_pack(k := ls_e.k, i := {'-' if largest else ''}ls_i, v := ls_e.v)"
    numbered = f"list_transform({known}, lambda ls_e, ls_i: {placed})"
    picked = f"list_sort({numbered}, '{'DESC' if largest else 'ASC'}')[1:{count.value}]"
    values = f"list_transform({picked}, lambda ls_e: ls_e.v)"
    return AggregateParts(
        ("list(struct_pack(k := {1}, v := {0}))",),
        f"CASE WHEN len({known}) > 0 THEN {values} END",
        ("flatten(list({0} ORDER BY touched))",),
    )


aggregate("min_by", _bind_extreme_by, _extreme_by_parts)
aggregate("max_by", _bind_extreme_by, _extreme_by_parts)

# ---- the first and the last -----------------------------------------------------------------------------------


def _bind_first(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any, boolean=false -> $0?").bind(name, args, conf)
    if not isinstance(bound.args[1], Literal):
        raise mismatch.not_constant(name, args, 1, "ignoreNulls")
    return bound


def _ignores(call: Call) -> bool:
    flag = call.args[1]
    return call.ignore_nulls or (isinstance(flag, Literal) and bool(flag.value))


def _first_over(call: Call, ctx: SqlContext) -> str | None:
    """Return the call over a window where it skips NULLs: DuckDB has no FILTER there."""
    if not _ignores(call) or call.filter is not None:
        return None
    return f"{'last' if call.name == 'last' else 'first'}_value({{0}} IGNORE NULLS)"


def _first_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    if not _ignores(call):
        function = "last" if call.name == "last" else "first"
        return AggregateParts((f"{function}({{0}})",), "{0}", (function,))
    if call.name != "last":
        return AggregateParts(("any_value({0})",), "{0}", ("any_value",))
    if call.filter is not None:
        raise unsupported("last(... ignore nulls) with FILTER")
    # Of two states the later one that is not NULL counts; `touched` tells the batch's from the stored one.
    merge = "last({0} ORDER BY touched) FILTER (WHERE {0} IS NOT NULL)"
    return AggregateParts(("last({0}) FILTER (WHERE {0} IS NOT NULL)",), "{0}", (merge,))


def _shown_first(call: Call, args: Sequence[str]) -> str:
    return f"{call.name if call.ignore_nulls else call.shown.lower()}({args[0]})"


aggregate(
    "first first_value", _bind_first, _first_parts, shown=_shown_first, ignore_nulls=True, over=_first_over
)
aggregate(
    "last last_value", _bind_first, _first_parts, shown=_shown_first, ignore_nulls=True, over=_first_over
)
aggregate("any_value", _bind_first, _first_parts, shown=_shown_first, ignore_nulls=True, over=_first_over)

# ---- collections ----------------------------------------------------------------------------------------------


def _bind_collect(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any -> any").bind(name, args[:1] if _keeps_nulls(args) else args, conf)
    found = type_of(bound.args[0])
    if name == "collect_set" and t.holds(found, t.MapType):
        raise mismatch.data_mismatch(
            "UNSUPPORTED_INPUT_TYPE", name, args, f"The input of `{name}` can't be a map."
        )
    keeps = _keeps_nulls(args)
    kept = keeps and nullable_of(bound.args[0])
    return Bound((*bound.args, *args[1:]) if keeps else bound.args, t.ArrayType(found, kept), False)


def _keeps_nulls(args: Sequence[Expression]) -> bool:
    """Return whether RESPECT NULLS was written behind a call: it shows as a second argument."""
    return len(args) == 2 and args[1] == Literal(True, t.BooleanType())


_ALL_DISTINCT = "list_distinct(flatten(list({0})))"
_A_NULL = "list_slice(list_filter({0}, lambda ls_e: ls_e IS NULL), 1, 1)"


def _distinct_list(call: Call) -> str:
    if call.distinct:  # the compiler adds it
        return "list({0})"
    return f"list(DISTINCT {normal_form('{0}', type_of(call.args[0]))})"


def _collect_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    values = "{0}"
    keeps = _keeps_nulls(call.args)
    if nullable_of(call.args[0]) and not keeps:
        values = "list_filter({0}, lambda ls_e: ls_e IS NOT NULL)"
    if call.name == "collect_set":
        merged = f"{_ALL_DISTINCT} || {_A_NULL.format('flatten(list({0}))')}" if keeps else _ALL_DISTINCT
        found = f"list_sort(list_distinct({values}))" + (f" || {_A_NULL}" if keeps else "")
        return AggregateParts((_distinct_list(call),), f"coalesce({found}, [])", (merged,))
    return AggregateParts(("list({0})",), f"coalesce({values}, [])", ("flatten(list({0} ORDER BY touched))",))


def _shown_collect(call: Call, args: Sequence[str]) -> str:
    name = "collect_list" if call.name == "collect_list" else "collect_set"
    text = f"{name}({'DISTINCT ' if call.distinct else ''}{args[0]})"
    return f"{text} RESPECT NULLS" if _keeps_nulls(call.args) else text


for _names in ("collect_list array_agg", "collect_set"):
    aggregate(
        _names, _bind_collect, _collect_parts, shown=_shown_collect, ignore_nulls=True, respect_nulls=True
    )


def _bind_collect_union(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    found = type_of(args[0])
    if not isinstance(found, t.ArrayType):
        raise mismatch.unexpected_input(name, args, 0, '"ARRAY"')
    if t.holds(found, t.MapType):
        raise mismatch.data_mismatch(
            "UNSUPPORTED_INPUT_TYPE", name, args, f"The input of `{name}` can't be a map."
        )
    return Bound(args, t.ArrayType(found.elementType, False), False)


def _union_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    # Spark's sets have an order of their own: small whole numbers come out sorted.
    values = "list_distinct(list_filter(flatten({0}), lambda ls_e: ls_e IS NOT NULL))"
    return AggregateParts((_distinct_list(call),), f"coalesce(list_sort({values}), [])", (_ALL_DISTINCT,))


aggregate("collect_union", _bind_collect_union, _union_parts)


def _bind_list(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return Bound(args, t.ArrayType(type_of(args[0]), True), False)


# What a Python function over groups is given: all values, NULLs too.
aggregate(
    "(list)",
    _bind_list,
    AggregateParts(("list({0})",), "{0}", ("flatten(list({0} ORDER BY touched))",)),
    shown="{0}",
)


def _bind_listagg(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if args and isinstance(type_of(args[0]), t.BinaryType):
        if len(args) == 2 and isinstance(type_of(args[1]), t.StringType):
            raise mismatch.different_types(name, args, [type_of(a) for a in args])
        raise unsupported(f"{name} of binary values")
    bound = signature("string, string=null -> string?").bind(name, args, conf)
    if not isinstance(bound.args[1], Literal):
        raise mismatch.not_constant(name, args, 1, "delimiter")
    return bound


def _listagg_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    delimiter = call.args[1]
    assert isinstance(delimiter, Literal)
    # Distinct texts without an order have Spark's by chance only: sorted, they come out alike each time.
    order = " ORDER BY {0}" if call.distinct and not call.order_by else ""
    return AggregateParts((f"string_agg({{0}}, {text_sql(delimiter.value or '')}{order})",))


def _shown_listagg(call: Call, args: Sequence[str]) -> str:
    text = f"{'DISTINCT ' if call.distinct else ''}{', '.join(args)}"
    return f"{'listagg' if call.order_by else call.shown.lower()}({text})"


aggregate("listagg string_agg", _bind_listagg, _listagg_parts, shown=_shown_listagg)

# ---- booleans and bits ----------------------------------------------------------------------------------------

aggregate("bool_and every", "boolean -> boolean?", "bool_and({0})", merge="bool_and")
aggregate("bool_or some any", "boolean -> boolean?", "bool_or({0})", merge="bool_or")
for _name in ("bit_and", "bit_or", "bit_xor"):
    aggregate(_name, "integral -> $0?", f"{_name}({{0}})", merge=_name)


# ---- NULL instead of overflow ---------------------------------------------------------------------------------


def _try_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    parts = _sum_parts(call, ctx) if call.name == "try_sum" else _avg_parts(call, ctx)
    if call.name == "try_sum" and parts.final.startswith("CAST("):
        return AggregateParts(parts.cores, f"TRY_{parts.final}", parts.merges)
    if isinstance(
        call.type, t.AnsiIntervalType
    ):  # Spark's sum is an interval too, and what it has no room for is NULL
        fits = f"TRY_CAST({{0}} AS {duck_type(call.type)}) IS NOT NULL"
        return AggregateParts(parts.cores, f"CASE WHEN {fits} THEN {parts.final} END", parts.merges)
    return parts


aggregate("try_sum", _bind_sum, _try_parts)
aggregate("try_avg", _bind_avg, _try_parts)
