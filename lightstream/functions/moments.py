"""Statistical aggregates: deviations, correlation, quantiles, approximate counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to
from lightstream.functions.predicates import check_orderable
from lightstream.functions.registry import (
    AggregateParts,
    Bound,
    SqlContext,
    aggregate,
    aggregate_parts,
    bind_call,
)
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import duck_type
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

# ---- deviations -----------------------------------------------------------------------------------------------

aggregate("stddev_samp stddev std", "double -> double?", "stddev_samp({0})")
aggregate("stddev_pop", "double -> double?", "stddev_pop({0})")
aggregate("var_samp variance", "double -> double?", "var_samp({0})")
aggregate("var_pop", "double -> double?", "var_pop({0})")
# DuckDB's skewness is the sample's; Spark's that of the population, and NULL where all values are equal.
aggregate(
    "skewness",
    "double -> double?",
    AggregateParts(
        ("skewness({0})", "count({0})", "var_pop({0})"),
        "CASE WHEN {1} = 0 OR {2} = 0 THEN NULL WHEN {1} = 2 THEN CAST(0 AS DOUBLE) "
        "ELSE {0} * ({1} - 2) / sqrt(CAST({1} AS DOUBLE) * ({1} - 1)) END",
        (None, "sum", None),
    ),
)
aggregate(
    "kurtosis",
    "double -> double?",
    AggregateParts(
        ("kurtosis_pop({0})", "var_pop({0})", "count({0})"),
        "CASE WHEN {2} = 0 OR {1} = 0 THEN NULL WHEN {2} = 2 THEN CAST(-2 AS DOUBLE) ELSE {0} END",
        (None, None, "sum"),
    ),
)

# ---- pairs ----------------------------------------------------------------------------------------------------

# Counted as pairs, and a side as its own pair: DISTINCT is about all of what a core reads.
_PAIRS = "count(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN struct_pack(a := {0}, b := {1}) END)"
_FIRST, _SECOND = (f"CASE WHEN {{{1 - i}}} IS NOT NULL THEN {{{i}}} END" for i in range(2))
# NULL where all values of one side are equal; NaN only where one of them is.
aggregate(
    "corr",
    "double, double -> double?",
    AggregateParts(
        (
            "corr({0}, {1})",
            _PAIRS,
            f"var_pop({_FIRST})",
            f"var_pop({_SECOND})",
        ),
        "CASE WHEN {1} > 1 AND {2} <> 0 AND {3} <> 0 THEN {0} END",
        (None, "sum", None, None),
    ),
)
aggregate("covar_pop", "double, double -> double?", "covar_pop({0}, {1})")
aggregate("covar_samp", "double, double -> double?", "covar_samp({0}, {1})")
aggregate("regr_count", "double, double -> bigint!", _PAIRS, merge="sum")
aggregate("regr_sxx", "double, double -> double?", f"regr_sxx({_SECOND}, {_SECOND})")
aggregate("regr_syy", "double, double -> double?", f"regr_syy({_FIRST}, {_FIRST})")
aggregate("regr_sxy", "double, double -> double?", "regr_sxy({0}, {1})")
for _name in ("regr_slope", "regr_intercept", "regr_r2"):
    _parts = AggregateParts((f"{_name}({{0}}, {{1}})",), "CASE WHEN NOT isnan({0}) THEN {0} END")
    aggregate(_name, "double, double -> double?", _parts)


def _bind_average(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    """Bind the average of one of two values, over the pairs of which none is NULL; decimals stay what they are."""
    bound = signature("numeric, numeric -> double").bind(name, args, conf)
    values = tuple(
        a if isinstance(type_of(a), t.DecimalType) else cast_to(a, t.DoubleType(), conf.ansi)
        for a in bound.args
    )
    return Bound(values, bind_call("avg", (values[_averaged(name)],), conf).type, True)


def _averaged(name: str) -> int:
    return 0 if name == "regr_avgy" else 1


def _average_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    at = _averaged(call.name)
    parts = aggregate_parts(replace(call, name="avg", args=(call.args[at],)), ctx)
    value = f"CASE WHEN {{{1 - at}}} IS NOT NULL THEN {{{at}}} END"
    return replace(parts, cores=tuple(core.replace("{0}", value) for core in parts.cores))


for _name in ("regr_avgx", "regr_avgy"):
    aggregate(_name, _bind_average, _average_parts)
# SQL has no such function: only DataFrames.
aggregate("(product)", "double -> double?", "product({0})", merge="product", shown="product({0})")

# ---- approximate counts ---------------------------------------------------------------------------------------


def _bind_distinct_count(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("any, double? -> bigint").bind(name, args, conf)
    if t.holds(type_of(args[0]), t.VariantType):
        raise unsupported("approx_count_distinct of variants", "Spark fails at them.")
    return Bound(bound.args, t.LongType(), False)


# Spark: another sketch, so that its estimate of many values is another one.
aggregate("approx_count_distinct", _bind_distinct_count, "approx_count_distinct({0})", shown="{name}({0})")

# ---- quantiles ------------------------------------------------------------------------------------------------


def _shares(name: str, args: Sequence[Expression], position: int) -> list[float]:
    """Return the constant percentages of a quantile's argument."""
    argument = args[position]
    items = argument.args if isinstance(argument, Call) and argument.name == "array" else (argument,)
    shares = []
    for item in items:
        while not isinstance(item, Literal) and hasattr(item, "child"):
            item = item.child
        if not isinstance(item, Literal):
            raise mismatch.not_constant(name, args, position, "percentage")
        if item.value is None:
            raise mismatch.data_mismatch("UNEXPECTED_NULL", name, args, "The `percentage` must not be null.")
        share = float(item.value)
        if not 0 <= share <= 1:
            raise mismatch.data_mismatch(
                "VALUE_OUT_OF_RANGE",
                name,
                args,
                f"The `percentage` must be between [0.0, 1.0] (current value = {share}).",
            )
        shares.append(share)
    return shares


def _is_many(argument: Expression) -> bool:
    return isinstance(type_of(argument), t.ArrayType)


def _bind_percentile(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    if len(args) == 3 and not (isinstance(args[2], Literal) and args[2].value == 1):
        raise unsupported("percentile with a frequency")
    found = type_of(args[0])
    if conf.ansi and isinstance(found, t.DatetimeType):
        raise mismatch.no_time_type()
    _shares(name, args, 1)
    if isinstance(found, t.AnsiIntervalType):
        whole: t.DataType = t.YearMonthIntervalType() if isinstance(found, t.YearMonthIntervalType) else (
            t.DayTimeIntervalType())  # fmt: skip
        kind: t.DataType = t.ArrayType(whole, False) if _is_many(args[1]) else whole
        return Bound((args[0], args[1], Literal(1, t.IntegerType())), kind, True)
    value = signature("numeric, any, any? -> $0").bind(name, args, conf).args[0]
    result: t.DataType = t.DoubleType()
    if _is_many(args[1]):
        result = t.ArrayType(result, False)
    return Bound(
        (cast_to(value, t.DoubleType(), conf.ansi), args[1], Literal(1, t.IntegerType())), result, True
    )


def _percentile_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    # From the sorted values, with Spark's own interpolation: DuckDB's differs in the last digit.
    descending = bool(call.order_by) and not call.order_by[0].ascending
    found = _shares(call.name, call.args, 1)
    picks = [_interpolated(1 - share if descending else share) for share in found]
    body = f"[{', '.join(picks)}]" if _is_many(call.args[1]) else picks[0]
    sorted_values = "list_sort(list_filter({0}, lambda ls_e: ls_e IS NOT NULL))"
    if isinstance(type_of(call.args[0]), t.AnsiIntervalType):  # carried by whole numbers; the rest is cut off
        cut = [f"CAST(trunc({pick}) AS {_carrier(call)})" for pick in picks]
        body = f"[{', '.join(cut)}]" if _is_many(call.args[1]) else cut[0]
    final = f"list_transform([{sorted_values}], lambda ls_s: CASE WHEN len(ls_s) > 0 THEN {body} END)[1]"
    return AggregateParts(("list({0})",), final)


def _carrier(call: Call) -> str:
    return duck_type(call.type.elementType if isinstance(call.type, t.ArrayType) else call.type)


def _interpolated(share: float) -> str:
    position = f"((len(ls_s) - 1) * CAST({share!r} AS DOUBLE))"
    low, high = f"CAST(floor({position}) AS BIGINT)", f"CAST(ceil({position}) AS BIGINT)"
    mixed = f"(({high} - {position}) * ls_s[{low} + 1] + ({position} - {low}) * ls_s[{high} + 1])"
    return f"CASE WHEN {low} = {high} THEN CAST(ls_s[{low} + 1] AS DOUBLE) ELSE {mixed} END"


aggregate("percentile", _bind_percentile, _percentile_parts)


def _bind_within(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return _bind_percentile(name, args, conf)


def _shown_within(call: Call, args: Sequence[str]) -> str:
    order = "DESC" if call.order_by and not call.order_by[0].ascending else ""
    return f"{call.name}({args[1]}) WITHIN GROUP (ORDER BY {args[0]}{' ' + order if order else ''})"


aggregate("percentile_cont", _bind_within, _percentile_parts, shown=_shown_within, within_group=True)


def _disc_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    descending = bool(call.order_by) and not call.order_by[0].ascending
    shares = _shares(call.name, call.args, 1)
    order = "'DESC'" if descending else "'ASC'"
    sorted_values = f"list_sort(list_filter({{0}}, lambda ls_e: ls_e IS NOT NULL), {order})"
    picks = [f"ls_s[greatest(CAST(ceil(len(ls_s) * CAST({s!r} AS DOUBLE)) AS BIGINT), 1)]" for s in shares]
    many = f"CASE WHEN len(ls_s) > 0 THEN [{', '.join(picks)}] END"
    body = many if _is_many(call.args[1]) else picks[0]
    return AggregateParts(("list({0})",), f"list_transform([{sorted_values}], lambda ls_s: {body})[1]")


aggregate("percentile_disc", _bind_within, _disc_parts, shown=_shown_within, within_group=True)


def _bind_median(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    half = Literal(0.5, t.DoubleType())
    return _bind_percentile(name, (args[0], half), conf)


aggregate("median", _bind_median, _percentile_parts, shown="median({0})")


def _bind_approximate(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 2 <= len(args) <= 3:
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    accuracy = args[2] if len(args) == 3 else Literal(10000, t.IntegerType())
    value = args[0]
    if isinstance(type_of(value), t.StringType):
        value = cast_to(value, t.DoubleType(), conf.ansi)
    bound = signature("numeric|date|timestamp|timestamp_ntz|yearmonth|daytime -> $0").bind(
        name, (value,), conf
    )
    _shares(name, args, 1)
    result: t.DataType = bound.type
    if _is_many(args[1]):
        result = t.ArrayType(result, False)
    return Bound((bound.args[0], args[1], accuracy), result, True)


def _approximate_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    # Exact, which is within any accuracy that is asked for.
    shares = [f"CAST({share!r} AS DOUBLE)" for share in _shares(call.name, call.args, 1)]
    wanted = f"[{', '.join(shares)}]" if _is_many(call.args[1]) else shares[0]
    return AggregateParts((f"quantile_disc({{0}}, {wanted})",), f"CAST({{0}} AS {duck_type(call.type)})")


aggregate("percentile_approx approx_percentile", _bind_approximate, _approximate_parts)


def _bind_mode(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not 1 <= len(args) <= 2:
        raise mismatch.wrong_count(name, "[0, 1, 2]", len(args))
    if len(args) == 2 and isinstance(args[1], Literal) and args[1].value is False:
        args = args[:1]  # how pyspark's `mode(col)` calls it
    if len(args) == 2 and not (isinstance(args[1], Literal) and args[1].value is True):
        raise unsupported("mode whose second argument is not the constant true")
    if len(args) == 2:
        check_orderable(name, args[:1], type_of(args[0]))
    return Bound(args, type_of(args[0]), True)


def _mode_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    if len(call.args) == 1 and not call.order_by:
        fraction = isinstance(type_of(call.args[0]), t.FloatType | t.DoubleType)
        return AggregateParts(("mode({0} + 0)",) if fraction else ("mode({0})",))
    # Of equally frequent values the least, or the greatest.
    place = "-1" if call.order_by and not call.order_by[0].ascending else "1"
    counted = "map_entries(list_aggregate({0}, 'histogram'))"
    most = "list_max(list_transform(ls_m, lambda ls_e: ls_e.value))"
    pick = f"list_filter(ls_m, lambda ls_e: ls_e.value = {most})[{place}].key"
    return AggregateParts(("list({0})",), f"list_transform([{counted}], lambda ls_m: {pick})[1]")


def _shown_mode(call: Call, args: Sequence[str]) -> str:
    if len(args) == 1 and not call.order_by:
        return f"mode({args[0]})"
    descending = not call.order_by or call.order_by[0].ascending  # Spark shows the order the other way round
    return f"mode() WITHIN GROUP (ORDER BY {args[0]}{' DESC' if descending else ''})"


aggregate("mode", _bind_mode, _mode_parts, shown=_shown_mode, within_group=True, mergeable=False)
