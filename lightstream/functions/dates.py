"""Dates and times: now, arithmetic, truncation. Their fields, texts and makers stand in modules of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import date_fields, date_makers, date_texts, mismatch, times  # noqa: F401 - they register
from lightstream.functions.cast_times import to_instant, to_local
from lightstream.functions.coercion import cast_to
from lightstream.functions.local_time import constant_text, exact_types, floor_divided, shifted
from lightstream.functions.registry import Bound, SqlContext, any_nullable, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import error_with_value_sql, let, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

_NOW = "getvariable('lightstream_now')"


# ---- now ------------------------------------------------------------------------------------------------------


def _current_date(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return f"CAST({to_local(_NOW, ctx)} AS DATE)"


def _local_timestamp(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return to_local(_NOW, ctx)


def _current_time_zone(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return text_sql(ctx.time_zone)


scalar("current_timestamp now", "-> timestamp!", _NOW)
scalar("current_date curdate", "-> date!", _current_date, shown="current_date()")
scalar("localtimestamp", "-> timestamp_ntz!", _local_timestamp)
scalar("current_timezone", "-> string!", _current_time_zone)


# ---- days and months ------------------------------------------------------------------------------------------


def _bind_plus_days(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    parsed = signature("date, int -> date")
    parsed.check_count(name, args)
    if not conf.ansi and isinstance(args[1], Literal) and isinstance(args[1].value, str):
        args = (args[0], Literal(_whole(name, args[1].value), t.IntegerType()))
    if isinstance(type_of(args[0]), t.NullType):
        args = (Literal(None, t.DateType()), args[1])  # whatever it is computed from
    days = type_of(args[1])
    whole = isinstance(days, t.ByteType | t.ShortType | t.IntegerType)
    if not whole and not isinstance(days, t.NullType if not conf.ansi else t.StringType | t.NullType):
        raise mismatch.unexpected_input(name, args, 1, '("INT" or "SMALLINT" or "TINYINT")')
    return parsed.bind(name, args, conf)


def _whole(name: str, text: str) -> int:
    if re.fullmatch(r"\s*[+-]?\d{1,9}\s*", text, re.ASCII):
        return int(text)
    raise AnalysisException(
        "SECOND_FUNCTION_ARGUMENT_NOT_INTEGER",
        f"The second argument of {name} must be a whole number, not '{text}'.",
        sqlstate="22023",
        parameters={"functionName": name},
    )


scalar("date_add dateadd", _bind_plus_days, "({0} + {1})", shown="date_add({0}, {1})")
scalar("date_sub", _bind_plus_days, "({0} - {1})")
scalar("datediff date_diff", "date, date -> int", "CAST({0} - {1} AS INTEGER)")
scalar("add_months", "date, int -> date", "CAST({0} + to_months({1}) AS DATE)")
scalar("last_day", "date -> date", "last_day({0})")

# Spark counts the days of the week from Thursday, the first day of 1970.
_WEEKDAYS = ("THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY")


def _next_day(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    day, name = args
    names = " ".join(
        f"WHEN upper({name}) IN ('{word[:2]}', '{word[:3]}', '{word}') THEN {number}"
        for number, word in enumerate(_WEEKDAYS)
    )
    failure = "NULL"
    if ctx.ansi:
        failure = error_with_value_sql(
            "ILLEGAL_DAY_OF_WEEK",
            "No day of the week has the name {}.",
            name,
            "22009",
            "IllegalArgumentException",
        )
    number = f"CASE {names} WHEN {name} IS NOT NULL AND {day} IS NOT NULL THEN {failure} END"

    def body(v: str) -> str:
        ahead = f"((({number}) - 1 - ({v} - DATE '1970-01-01')) % 7 + 7) % 7"
        return f"({v} + CAST(1 + {ahead} AS INTEGER))"

    return let(day, body, "day")


scalar("next_day", "date, string -> date?", _next_day)


def _months_between(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    def fields(instant: str) -> tuple[str, str, str, str]:
        local = to_local(instant, ctx)
        midnight = to_instant(f"date_trunc('day', {local})", ctx)
        seconds = f"((epoch_us({instant}) - epoch_us({midnight})) // 1000000)"
        last = f"day(last_day({local}))"
        return f"(year({local}) * 12 + month({local}))", f"day({local})", last, seconds

    def body(one: str, other: str) -> str:
        months1, day1, last1, seconds1 = fields(one)
        months2, day2, last2, seconds2 = fields(other)
        whole = f"CAST({months1} - {months2} AS DOUBLE)"
        seconds = f"(({day1} - {day2}) * 86400 + {seconds1} - {seconds2})"
        exact = f"({whole} + CAST({seconds} AS DOUBLE) / 2678400)"
        rounded = f"CASE WHEN {args[2]} THEN floor({exact} * 1e8 + 0.5) / 1e8 ELSE {exact} END"
        same = f"{day1} = {day2} OR ({day1} = {last1} AND {day2} = {last2})"
        return f"CASE WHEN {args[2]} IS NULL THEN NULL WHEN {same} THEN {whole} ELSE {rounded} END"

    return let(args[0], lambda one: let(args[1], lambda other: body(one, other), "other"), "one")


scalar("months_between", "timestamp, timestamp, boolean=true -> double", _months_between)


# ---- truncation -----------------------------------------------------------------------------------------------

_TRUNC_UNITS = {
    **dict.fromkeys(("year", "yyyy", "yy"), "year"),
    "quarter": "quarter",
    **dict.fromkeys(("month", "mm", "mon"), "month"),
    "week": "week",
}
_DATE_TRUNC_UNITS = {
    **_TRUNC_UNITS,
    **{unit: unit for unit in ("day", "hour", "minute", "second", "millisecond", "microsecond")},
    "dd": "day",
}


def _trunc(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    unit = _TRUNC_UNITS.get((constant_text("trunc", call.args[1], "a unit") or "").lower())
    # Spark: NULL for a unit that it does not know.
    return f"CAST(date_trunc('{unit}', {args[0]}) AS DATE)" if unit else "CAST(NULL AS DATE)"


def _date_trunc(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    unit = _DATE_TRUNC_UNITS.get((constant_text("date_trunc", call.args[0], "a unit") or "").lower())
    if unit is None:
        return "CAST(NULL AS TIMESTAMPTZ)"
    if unit == "microsecond":
        return args[1]
    if unit in ("second", "millisecond"):
        us = 1_000_000 if unit == "second" else 1_000
        return f"make_timestamptz({floor_divided(f'epoch_us({args[1]})', us)} * {us})"
    return shifted(args[1], lambda local: f"date_trunc('{unit}', {local})", ctx)


scalar("trunc", "date, string -> date?", _trunc)
scalar("date_trunc", "string, timestamp -> timestamp?", _date_trunc)


# ---- timestampadd, timestampdiff ------------------------------------------------------------------------------

_TIME_UNITS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
    "DAYOFYEAR": 86_400_000_000,
    "WEEK": 604_800_000_000,
}
_DAY_UNITS = {"DAY": 1, "DAYOFYEAR": 1, "WEEK": 7}
_MONTH_UNITS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def _bind_timestamp_add(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("string, bigint, anytimestamp -> $2").bind(name, args, conf)
    return Bound(bound.args, bound.type, any_nullable(bound.args))


def _timestamp_add(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    unit = (constant_text("timestampadd", call.args[0], "a unit") or "").upper()
    count, start = args[1], args[2]
    local_type = isinstance(call.type, t.TimestampNTZType)
    if unit in _MONTH_UNITS or unit in _DAY_UNITS:
        size, units = (_MONTH_UNITS, "months") if unit in _MONTH_UNITS else (_DAY_UNITS, "days")
        amount = f"to_{units}(CAST({count} * {size[unit]} AS INTEGER))"
        if local_type:
            return f"({start} + {amount})"
        return shifted(start, lambda local: f"({local} + {amount})", ctx)
    make = "make_timestamp" if local_type else "make_timestamptz"
    return f"{make}(epoch_us({start}) + {count} * {_TIME_UNITS[unit]})"


def _timestamp_diff(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    unit = (constant_text("timestampdiff", call.args[0], "a unit") or "").upper()
    start, end = to_local(args[1], ctx), to_local(args[2], ctx)
    if unit in _TIME_UNITS:  # Spark: the difference of the local times
        return f"((epoch_us({end}) - epoch_us({start})) // {_TIME_UNITS[unit]})"

    def body(one: str, other: str) -> str:
        day1, day2 = f"CAST({one} AS DATE)", f"CAST({other} AS DATE)"
        time1, time2 = f"CAST({one} AS TIME)", f"CAST({other} AS TIME)"
        short = (
            f"CASE WHEN {day2} > {day1} AND {time2} < {time1} THEN -1 "
            f"WHEN {day2} < {day1} AND {time2} > {time1} THEN 1 ELSE 0 END"
        )
        last = f"({day2} + {short})"

        def packed(day: str) -> str:
            return f"((year({day}) * 12 + month({day})) * 32 + day({day}))"

        return f"((({packed(last)} - {packed(day1)}) // 32) // {_MONTH_UNITS[unit]})"

    return let(start, lambda one: let(end, lambda other: body(one, other), "end"), "start")


scalar("timestampadd", _bind_timestamp_add, _timestamp_add)
scalar("timestampdiff", "string, timestamp, timestamp -> bigint", _timestamp_diff)


# ---- numbers of seconds and days ------------------------------------------------------------------------------

_TIMESTAMP_ONLY = exact_types((t.TimestampType, t.TimestampNTZType), '"TIMESTAMP"', t.LongType())


def _unix_unit(divisor: int) -> None:
    name = {1_000_000: "unix_seconds", 1_000: "unix_millis"}[divisor]
    scalar(name, _TIMESTAMP_ONLY, lambda call, args, ctx: floor_divided(f"epoch_us({args[0]})", divisor))


_unix_unit(1_000_000)
_unix_unit(1_000)
scalar("unix_micros", _TIMESTAMP_ONLY, "epoch_us({0})")
scalar(
    "unix_date",
    exact_types((t.DateType,), '"DATE"', t.IntegerType()),
    "CAST({0} - DATE '1970-01-01' AS INTEGER)",
)
scalar("date_from_unix_date", "int -> date", "(DATE '1970-01-01' + {0})")


def _bind_timestamp_seconds(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = exact_types((t.IntegerType, t.NumericType), '"NUMERIC"', t.TimestampType())(name, args, conf)
    found = type_of(bound.args[0])
    if isinstance(found, t.DecimalType):
        if found.scale > 6:
            raise unsupported(f"{name} of a decimal with more than six digits after the point")
        return bound
    if isinstance(found, t.FloatType | t.DoubleType):
        return Bound(bound.args, bound.type, True)
    return Bound((cast_to(bound.args[0], t.LongType(), conf.ansi),), bound.type, bound.nullable)


def _timestamp_seconds(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    found = type_of(call.args[0])
    if isinstance(found, t.DecimalType):
        return f"make_timestamptz(CAST(CAST({args[0]} AS DECIMAL(38,6)) * 1000000 AS BIGINT))"
    if isinstance(found, t.FloatType | t.DoubleType):

        def body(v: str) -> str:
            us = f"make_timestamptz(CAST(trunc({v} * 1e6) AS BIGINT))"
            return f"CASE WHEN isfinite({v}) THEN {us} END"

        return let(f"CAST({args[0]} AS DOUBLE)", body, "seconds")
    return _multiplied(args[0], 1_000_000, "seconds")


def _multiplied(count: str, factor: int, units: str) -> str:
    """Return the timestamp of a whole number of seconds or milliseconds since 1970."""
    most = (2**63 - 1) // factor
    failure = error_with_value_sql(
        "DATETIME_OVERFLOW",
        f"The date and time of {{}} {units} since 1970 is out of range.",
        f"CAST({count} AS VARCHAR)",
        "22008",
        "ArithmeticException",
    )
    inside = f"{count} BETWEEN -{most} AND {most}"
    return (
        f"CASE WHEN {inside} THEN make_timestamptz({count} * {factor}) "
        f"WHEN {count} IS NOT NULL THEN {failure} END"
    )


_WHOLE_NUMBER = (t.ByteType, t.ShortType, t.IntegerType, t.LongType)


def _bind_whole(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = exact_types(_WHOLE_NUMBER, '"INTEGRAL"', t.TimestampType())(name, args, conf)
    return Bound((cast_to(bound.args[0], t.LongType(), conf.ansi),), bound.type, bound.nullable)


scalar("timestamp_seconds", _bind_timestamp_seconds, _timestamp_seconds)
scalar("timestamp_millis", _bind_whole, lambda call, args, ctx: _multiplied(args[0], 1_000, "milliseconds"))
scalar("timestamp_micros", _bind_whole, "make_timestamptz({0})")
