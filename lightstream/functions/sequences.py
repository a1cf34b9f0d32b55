"""sequence: numbers, dates and timestamps from one value to another."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import is_utc, to_instant, to_local
from lightstream.functions.coercion import cast_to, common_type
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.spelling import duck_type, error_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, type_of


def _bind_sequence(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) not in (2, 3):
        raise mismatch.wrong_count(name, "[2, 3]", len(args))
    kinds = [type_of(a) for a in args]
    by_interval = isinstance(kinds[-1], t.AnsiIntervalType) and len(kinds) == 3
    target = common_type(kinds[:2] if by_interval else kinds, conf.ansi)
    numbers = isinstance(target, t.IntegralType | t.NullType) and not by_interval
    times = isinstance(target, t.DateType | t.TimestampType | t.TimestampNTZType)
    if not numbers and not (times and (by_interval or len(kinds) == 2)):
        raise mismatch.data_mismatch(
            "SEQUENCE_WRONG_INPUT_TYPES",
            name,
            args,
            f"`{name}` uses the wrong parameter type. The parameter type must conform to: 1. The start and stop "
            "expressions must resolve to the same type. 2. Otherwise, the step expression must resolve to a suitable "
            "type.",
        )
    assert target is not None
    if isinstance(target, t.NullType):
        target = t.IntegerType()
    count = 3 if numbers else 2
    bound = tuple(cast_to(a, target, conf.ansi) for a in args[:count]) + args[count:]
    return Bound(bound, t.ArrayType(target, False), any_nullable(bound))


def _sequence_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    element = type_of(call.args[0])
    if isinstance(element, t.IntegralType):
        return _numbers(call, args)
    return _times(call, args, element, ctx)


def _failure() -> str:
    return error_sql(
        None, "requirement failed: Illegal sequence boundaries: the step does not lead from start to stop.", "",
        "IllegalArgumentException",
    )  # fmt: skip


def _numbers(call: Call, args: Sequence[str]) -> str:
    start, stop = (f"CAST({a} AS BIGINT)" for a in args[:2])
    step = (
        f"CAST({args[2]} AS BIGINT)"
        if len(args) == 3
        else f"CASE WHEN {args[0]} <= {args[1]} THEN 1 ELSE -1 END"
    )
    known = " AND ".join(f"{a} IS NOT NULL" for a in args)
    series = f"CAST(generate_series({start}, {stop}, {step}) AS {duck_type(call.type)})"
    if len(args) == 2:
        return f"CASE WHEN {known} THEN {series} END"
    fits = (
        f"({step} > 0 AND {start} <= {stop}) OR ({step} < 0 AND {start} >= {stop}) OR "
        f"({step} = 0 AND {start} = {stop})"
    )
    one = f"CASE WHEN {step} = 0 THEN [{args[0]}] ELSE {series} END"
    return f"CASE WHEN NOT ({known}) THEN NULL WHEN {fits} THEN {one} ELSE {_failure()} END"


def _times(call: Call, args: Sequence[str], element: t.DataType, ctx: SqlContext) -> str:
    if isinstance(element, t.TimestampType):
        start, stop = (to_local(a, ctx) for a in args[:2])
        if not is_utc(ctx):
            raise unsupported("sequence of timestamps in a time zone other than UTC")
    else:
        start, stop = (f"CAST({a} AS TIMESTAMP)" for a in args[:2])
    forward = f"{args[0]} <= {args[1]}"
    if len(args) == 2:
        step = f"CASE WHEN {forward} THEN to_days(1) ELSE to_days(-1) END"
        fits = "TRUE"
    else:
        months = isinstance(type_of(call.args[2]), t.YearMonthIntervalType)
        step = f"to_months({args[2]})" if months else f"to_microseconds({args[2]})"
        fits = (
            f"({args[2]} > 0 AND {forward}) OR ({args[2]} < 0 AND NOT ({forward})) OR {args[0]} = {args[1]}"
        )
        if isinstance(element, t.DateType) and not months:
            fits = f"({fits}) AND {args[2]} % 86400000000 = 0"
    # Month steps count from the start, so that the 31st comes back after a short month.
    if len(args) == 3 and isinstance(type_of(call.args[2]), t.YearMonthIntervalType):
        span = f"(abs(datediff('month', {start}, {stop})) // greatest(abs({args[2]}), 1)) + 1"
        value = f"{start} + to_months(CAST(ls_n AS INTEGER) * {args[2]})"
        series = f"list_transform(range(0, {span}), lambda ls_n: {value})"
        within = f"CASE WHEN {forward} THEN ls_v <= {stop} ELSE ls_v >= {stop} END"
        series = f"list_filter({series}, lambda ls_v: {within})"
    else:
        series = f"generate_series({start}, {stop}, {step})"
    body = f"CAST({series} AS {duck_type(call.type)})"
    if isinstance(element, t.TimestampType):
        body = f"list_transform({series}, lambda ls_t: {to_instant('ls_t', ctx)})"
    known = " AND ".join(f"{a} IS NOT NULL" for a in args)
    return f"CASE WHEN NOT ({known}) THEN NULL WHEN {fits} THEN {body} ELSE {_failure()} END"


scalar("sequence", _bind_sequence, _sequence_sql)
