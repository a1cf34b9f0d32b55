"""Dates, timestamps and intervals of their parts; conversions between time zones."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.cast_times import to_instant
from lightstream.functions.local_time import constant_text
from lightstream.functions.registry import Binder, Bound, SqlContext, any_nullable, bind_call, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import error_sql, let
from lightstream.functions.zones import instant_in, local_in, zone_of
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

# ---- make_date, make_timestamp --------------------------------------------------------------------------------


def _out_of_bounds(what: str) -> str:
    return error_sql(
        "DATETIME_FIELD_OUT_OF_BOUNDS.WITHOUT_SUGGESTION",
        f"The fields make no {what}.",
        "22023",
        "DateTimeException",
    )


def _is_date(year: str, month: str, day: str) -> str:
    leap = f"({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))"
    february = f"CASE WHEN {leap} THEN 29 ELSE 28 END"
    most = f"CASE WHEN {month} IN (4, 6, 9, 11) THEN 30 WHEN {month} = 2 THEN {february} ELSE 31 END"
    return f"({month} BETWEEN 1 AND 12 AND {day} BETWEEN 1 AND {most})"


def _bind_date(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("int, int, int -> date").bind(name, args, conf)
    return Bound(bound.args, bound.type, bound.nullable or not conf.ansi)


def _make_date(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    def body(year: str, month: str, day: str) -> str:
        known = f"{year} IS NOT NULL AND {month} IS NOT NULL AND {day} IS NOT NULL"
        failure = _out_of_bounds("date") if ctx.ansi else "NULL"
        made = f"make_date({year}, {month}, {day})"
        return f"CASE WHEN {_is_date(year, month, day)} THEN {made} WHEN {known} THEN {failure} END"

    return _let_all(args, body)


def _let_all(args: Sequence[str], body: Callable[..., str], done: tuple[str, ...] = ()) -> str:
    """Bind each text that is long, one after the other."""
    if not args:
        return body(*done)
    return let(args[0], lambda v: _let_all(args[1:], body, (*done, v)), f"a{len(done)}")


scalar("make_date", _bind_date, _make_date)


def _timestamp_binder(result: t.DataType, zoned: bool, tries: bool) -> Binder:
    """Bind the six fields, or a date and perhaps a time of day; each with a time zone at the end where there is one."""
    zone = ", string?" if zoned else ""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        counts = (1, 2, 3, 6, 7) if zoned else (1, 2, 6)
        if len(args) not in counts:
            raise mismatch.wrong_count(name, f"[{', '.join(map(str, counts))}]", len(args))
        if len(args) > 3:
            bound = signature(f"int, int, int, int, int, decimal(16,6){zone} -> any").bind(name, args, conf)
            return Bound(bound.args, result, tries or bound.nullable or not conf.ansi)
        local = not zoned or len(args) == 1
        if len(args) > 1 and not isinstance(type_of(args[1]), t.TimeType):
            raise mismatch.unexpected_input(name, args, 1, '"TIME"')
        bound = signature(f"date, any?{zone} -> any").bind(name, args, conf)
        nullable = any_nullable(bound.args) or (local and not zoned and len(args) == 2)
        return Bound(bound.args, result, nullable)

    return bind


def _timestamp_maker(result: t.DataType, fails: bool) -> Callable[[Call, Sequence[str], SqlContext], str]:
    def spell(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
        if len(args) > 3:
            local, zone = _of_fields(args[:6], fails and ctx.ansi), call.args[6:]
        else:
            local = f"({args[0]} + {args[1]})" if len(args) > 1 else f"CAST({args[0]} AS TIMESTAMP)"
            zone = call.args[2:]
        if isinstance(result, t.TimestampNTZType):
            return local
        if not zone:
            return to_instant(local, ctx)
        name = constant_text(call.name, zone[0], "a time zone")
        return "CAST(NULL AS TIMESTAMPTZ)" if name is None else instant_in(local, zone_of(name))

    return spell


def _of_fields(fields: Sequence[str], raises: bool) -> str:
    """Return the local TIMESTAMP of year, month, day, hour, minute and second."""

    def body(year: str, month: str, day: str, hour: str, minute: str, second: str) -> str:
        known = " AND ".join(f"{v} IS NOT NULL" for v in (year, month, day, hour, minute, second))
        fraction, failure = "NULL", "NULL"
        if raises:
            failure = _out_of_bounds("timestamp")
            fraction = error_sql(
                "INVALID_FRACTION_OF_SECOND",
                "The 60th second has no fraction: seconds are from 0 to 60.",
                "22023",
                "DateTimeException",
            )
        # Spark: 60 seconds are the next minute.
        inside = (
            f"{_is_date(year, month, day)} AND {hour} BETWEEN 0 AND 23 AND {minute} BETWEEN 0 AND 59 "
            f"AND {second} >= 0 AND {second} <= 60"
        )
        us = (
            f"(CAST({hour} AS BIGINT) * 3600000000 + CAST({minute} AS BIGINT) * 60000000 "
            f"+ CAST({second} * 1000000 AS BIGINT) "
            f"+ epoch_us(CAST(make_date({year}, {month}, {day}) AS TIMESTAMP)))"
        )
        local = f"CASE WHEN {inside} THEN make_timestamp({us}) END"
        over = f"WHEN {second} > 60 AND {second} < 61 THEN {fraction}"
        return f"CASE WHEN {inside} THEN {local} {over} WHEN {known} THEN {failure} END"

    return _let_all(fields, body)


def _shown_try(call: Call, args: Sequence[str]) -> str:
    # Spark shows what it makes of some of them.
    if call.name == "try_make_timestamp":
        return f"try_make_timestamp({', '.join(args[:6])})"
    made = f"{'make_timestamp_ntz' if call.name.endswith('ntz') else 'make_timestamp'}({', '.join(args)})"
    if len(args) > 3:
        return f"{call.name}({', '.join(args)})"
    return f"{call.name}({made})" if call.name.endswith("ntz") else made


def _shown_made(call: Call, args: Sequence[str]) -> str:
    name = "make_timestamp" if call.name == "make_timestamp_ltz" and 1 < len(args) < 4 else call.name
    return f"{name}({', '.join(args)})"


for _name, _result, _zoned in (
    ("make_timestamp", t.TimestampType(), True),
    ("make_timestamp_ltz", t.TimestampType(), True),
    ("make_timestamp_ntz", t.TimestampNTZType(), False),
):
    scalar(
        _name,
        _timestamp_binder(_result, _zoned, False),
        _timestamp_maker(_result, True),
        shown=_shown_made,
    )
    scalar(
        f"try_{_name}",
        _timestamp_binder(_result, _zoned, True),
        _timestamp_maker(_result, False),
        shown=_shown_try,
    )


# ---- intervals ------------------------------------------------------------------------------------------------


def _interval_binder(numbers: int, seconds: bool, result: t.DataType) -> Binder:
    """Bind parts that are each 0 when they are missing."""
    parts = ", ".join(["int?"] * numbers + ["decimal(18,6)?"] * seconds)

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        parsed = signature(f"{parts} -> any")
        parsed.check_count(name, args)
        zeros: list[Expression] = [Literal(0, t.IntegerType())] * numbers
        if seconds:
            zeros.append(Literal(decimal.Decimal("0.000000"), t.DecimalType(18, 6)))
        bound = parsed.bind(name, (*args, *zeros[len(args) :]), conf)
        fails = not isinstance(result, t.CalendarIntervalType) or conf.ansi
        return Bound(bound.args, result, any_nullable(bound.args) or not fails)

    return bind


def _calendar_interval(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    years, months, weeks, days, hours, minutes, seconds = args
    if not ctx.ansi:
        raise unsupported("The function make_interval without ANSI mode")
    us = (
        f"(CAST({hours} AS BIGINT) * 3600000000 + CAST({minutes} AS BIGINT) * 60000000 "
        f"+ CAST(CAST({seconds} AS DECIMAL(38,6)) * 1000000 AS BIGINT))"
    )
    return f"(to_months({years} * 12 + {months}) + to_days({weeks} * 7 + {days}) + to_microseconds({us}))"


def _checked(total: str, carrier: str, bits: int) -> str:
    failure = error_sql(
        "INTERVAL_ARITHMETIC_OVERFLOW.WITHOUT_SUGGESTION",
        "The parts make an interval that is out of range.",
        "22015",
    )
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    inside = f"BETWEEN CAST('{low}' AS HUGEINT) AND CAST('{high}' AS HUGEINT)"
    return let(
        total,
        lambda v: (
            f"CASE WHEN {v} {inside} THEN CAST({v} AS {carrier}) WHEN {v} IS NOT NULL THEN {failure} END"
        ),
        "total",
    )


def _day_time_interval(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    units = (86_400_000_000, 3_600_000_000, 60_000_000)
    parts = [f"CAST({part} AS HUGEINT) * {unit}" for part, unit in zip(args, units, strict=False)]
    parts.append(f"CAST({args[3]} * 1000000 AS HUGEINT)")
    return _checked(f"({' + '.join(parts)})", "BIGINT", 64)


def _year_month_interval(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return _checked(f"(CAST({args[0]} AS HUGEINT) * 12 + {args[1]})", "INTEGER", 32)


def _try_interval(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    wide = [f"CAST({a} AS HUGEINT)" for a in args[:6]]
    years, months, weeks, days, hours, minutes = wide
    us = f"({hours} * 3600000000 + {minutes} * 60000000 + CAST(CAST({args[6]} AS DECIMAL(38,6)) * 1000000 AS HUGEINT))"
    parts = (f"({years} * 12 + {months})", f"({weeks} * 7 + {days})", us)
    kinds = ("INTEGER", "INTEGER", "BIGINT")
    narrow = [f"TRY_CAST({part} AS {kind})" for part, kind in zip(parts, kinds, strict=True)]
    made = f"(to_months({narrow[0]}) + to_days({narrow[1]}) + to_microseconds({narrow[2]}))"
    return f"CASE WHEN {' AND '.join(f'{n} IS NOT NULL' for n in narrow)} THEN {made} END"


def _bind_try_interval(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not args:
        raise mismatch.wrong_count(name, "[1, 2, 3, 4, 5, 6, 7]", 0)
    bound = _interval_binder(6, True, t.CalendarIntervalType())(name, args, conf)
    return Bound(bound.args, bound.type, True)


scalar("try_make_interval", _bind_try_interval, _try_interval)
scalar("make_interval", _interval_binder(6, True, t.CalendarIntervalType()), _calendar_interval)
scalar("make_dt_interval", _interval_binder(3, True, t.DayTimeIntervalType()), _day_time_interval)
scalar("make_ym_interval", _interval_binder(2, False, t.YearMonthIntervalType()), _year_month_interval)


# ---- time zones -----------------------------------------------------------------------------------------------


def _from_utc(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    name = constant_text(call.name, call.args[1], "a time zone")
    if name is None:
        return "CAST(NULL AS TIMESTAMPTZ)"
    return f"make_timestamptz(epoch_us({local_in(args[0], zone_of(name))}))"


def _to_utc(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    name = constant_text(call.name, call.args[1], "a time zone")
    if name is None:
        return "CAST(NULL AS TIMESTAMPTZ)"
    return instant_in(f"make_timestamp(epoch_us({args[0]}))", zone_of(name))


scalar("from_utc_timestamp", "timestamp, string -> timestamp", _from_utc)
scalar("to_utc_timestamp", "timestamp, string -> timestamp", _to_utc)


def _bind_convert(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    signature("any, any, any? -> any").check_count(name, args)
    if len(args) == 2:
        args = (bind_call("current_timezone", (), conf), *args)
    return signature("string, string, timestamp_ntz -> timestamp_ntz").bind(name, args, conf)


def _convert(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    source, target = call.args[:2]
    here = isinstance(source, Call) and source.name == "current_timezone"
    names = [
        ctx.time_zone if here else constant_text(call.name, source, "a time zone"),
        constant_text(call.name, target, "a time zone"),
    ]
    zones = [zone_of(name) for name in names if name is not None]
    if len(zones) < 2:
        return "CAST(NULL AS TIMESTAMP)"
    return local_in(instant_in(args[2], zones[0]), zones[1])


scalar("convert_timezone", _bind_convert, _convert)
