"""Casts of dates, timestamps and intervals."""

from __future__ import annotations

import re

from lightstream.errors import unsupported
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import duck_type, error_sql, error_with_value_sql, let
from lightstream.plan import types as t

_UTC = ("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z", "UT", "Etc/UCT", "+00:00")
_SPACE = r"[\x00-\x20\x7F]*"
_DAY = r"[+-]?\d{4,7}-\d{1,2}-\d{1,2}"
_HOUR = r"(?:[01]?\d|2[0-3])"
# A zone: Z, an offset of at most 18 hours, UTC, or a name that Java and ICU both know (PST, Europe/Paris).
_OFFSET = r"[+-](?:0?\d|1[0-7])(?::[0-5]?\d)?|[+-](?:0\d|1[0-7])[0-5]\d|[+-]18(?::?00)?"
_ZONE = rf"Z|(?:UTC|GMT|UT)?(?:{_OFFSET})|UT|[A-Z][A-Za-z0-9]{{2,}}(?:[/_+-][A-Za-z0-9]+)*"
_TIME = rf"{_HOUR}(?::\d{{1,2}}(?::\d{{1,2}}(?:\.\d*)?(?: ?(?:{_ZONE}))?)?)?"
_TIMESTAMP = rf"^{_SPACE}[+]?-?\d{{4,6}}(?:-\d{{1,2}}(?:-\d{{1,2}}(?:[ T]{_TIME})?)?)?{_SPACE}$"
_PLAIN_TIMESTAMP = rf"^\d{{4}}-\d\d-\d\d[ T]{_HOUR}:\d\d:\d\d(?:\.\d+)?$"
# A time without a date is one of today; after a T it may lack its minutes.
_OF_TODAY = rf"^{_SPACE}(?:T?{_HOUR}:\d{{1,2}}(?::\d{{1,2}}(?:\.\d*)?)?|T{_HOUR}){_SPACE}$"
_OF_TODAY_ZONED = rf"^{_SPACE}T?{_HOUR}:\d{{1,2}}:\d{{1,2}}(?:\.\d*)? ?(?:{_ZONE}){_SPACE}$"
_ZONED = r":\d{1,2}:\d{1,2}(?:\.\d*)? ?[A-Z+-]"
# Rewrites, in this order, of what DuckDB's reader does not take as Spark's does.
_AFTER_TIME = r"(:\d{1,2}(?:\.\d*)?) ?"
_REWRITES = (
    (rf"{_AFTER_TIME}(?:UTC|GMT|UT)?([+-])(\d(?::\d+)?)$", r"\1\20\3"),  # +5 is +05
    (rf"{_AFTER_TIME}(?:UTC|GMT|UT)?([+-]\d\d):(\d)$", r"\1\2:0\3"),  # +05:3 is +05:03
    (rf"{_AFTER_TIME}(?:UTC|GMT|UT)?([+-]\d\d:?(?:\d\d)?)$", r"\1\2"),  # UTC+05:30 is +05:30
    (rf"{_AFTER_TIME}(?:UTC|GMT|UT|Z)$", r"\1Z"),
    (rf"{_AFTER_TIME}([A-Z][A-Za-z])", r"\1 \2"),  # a zone's name stands apart
    (r"^(-?\d+-\d+-\d+[ T]\d+)$", r"\1:00"),
    (r"^(-?\d+-\d+)$", r"\1-01"),
    (r"^(-?\d+)$", r"\1-01-01"),
)
_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"
_UNIT_US = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)


def is_utc(ctx: SqlContext) -> bool:
    """Return whether local time is UTC in this session: conversions are then plain arithmetic."""
    return ctx.time_zone in _UTC


# ---- instants and local time ----------------------------------------------------------------------------------


def to_local(sql: str, ctx: SqlContext) -> str:
    """Return an instant (TIMESTAMPTZ) as the session's local TIMESTAMP."""
    if is_utc(ctx):
        return f"make_timestamp(epoch_us({sql}))"
    return f"CAST({sql} AS TIMESTAMP)"


def to_instant(sql: str, ctx: SqlContext) -> str:
    """Return a local TIMESTAMP as the instant (TIMESTAMPTZ) that it is in the session's zone.

    Spark: of the two instants of a repeated hour it is the first; DuckDB's cast takes the second. So the offset that
    held a day before is tried: where it fits, it gives the earlier instant.
    """
    if is_utc(ctx):
        return f"make_timestamptz(epoch_us({sql}))"

    def body(v: str) -> str:
        late = f"CAST({v} AS TIMESTAMPTZ)"
        day_before = f"make_timestamptz(epoch_us({late}) - 86400000000)"
        offset = f"(epoch_us(CAST({day_before} AS TIMESTAMP)) - epoch_us({day_before}))"
        early = f"make_timestamptz(epoch_us({v}) - {offset})"
        return f"CASE WHEN CAST({early} AS TIMESTAMP) = {v} THEN {early} ELSE {late} END"

    return let(sql, body, "local")


# ---- reading --------------------------------------------------------------------------------------------------


def date_from_text(v: str) -> str:
    """Return the DATE of text in Spark's formats (`2025`, `2025-1`, `2025-1-5`, with anything after a blank or T)."""
    day = f"ltrim(regexp_extract({v}, '{_DAY}'), '+')"
    month = f"regexp_extract({v}, '[+]?(-?\\d{{4,7}}-\\d{{1,2}})', 1) || '-01'"
    year = f"regexp_extract({v}, '[+]?(-?\\d{{4,7}})', 1) || '-01-01'"
    return (
        f"CASE WHEN regexp_full_match({v}, '(?s){_SPACE}{_DAY}(?:[ T].*|{_SPACE})') THEN TRY_CAST({day} AS DATE) "
        f"WHEN regexp_full_match({v}, '{_SPACE}[+-]?\\d{{4,7}}-\\d{{1,2}}{_SPACE}') THEN TRY_CAST({month} AS DATE) "
        f"WHEN regexp_full_match({v}, '{_SPACE}[+-]?\\d{{4,7}}{_SPACE}') THEN TRY_CAST({year} AS DATE) END"
    )


def timestamp_from_text(v: str, target: t.DataType, ctx: SqlContext) -> str:
    """Return the timestamp of text in Spark's formats; NULL when it is in none."""
    clean = f"trim({v}, {_BLANKS})"
    clean = f"ltrim({clean}, '+')"
    for pattern, replacement in _REWRITES:
        clean = f"regexp_replace({clean}, '{pattern}', '{replacement}')"
    local = f"TRY_CAST({clean} AS TIMESTAMP)"
    plain = f"regexp_matches({v}, '{_PLAIN_TIMESTAMP}')"
    fits = f"regexp_matches({v}, '{_TIMESTAMP}')"
    if isinstance(target, t.TimestampNTZType):  # Spark: a zone in the text is ignored
        return f"CASE WHEN {plain} THEN TRY_CAST({v} AS TIMESTAMP) WHEN {fits} THEN {local} END"
    zoned = f"TRY_CAST({clean} AS TIMESTAMPTZ)"
    today = f"WHEN regexp_matches({v}, '{_OF_TODAY}') THEN {_of_today(v, ctx)} WHEN regexp_matches({v}, "
    today += f"'{_OF_TODAY_ZONED}') THEN {_ZONED_TODAY}"
    if is_utc(ctx):
        text = f"WHEN {plain} THEN TRY_CAST({v} AS TIMESTAMPTZ) WHEN {fits} THEN {zoned}"
        return f"CASE {text} {today} END"
    return (
        f"CASE WHEN {plain} THEN {to_instant(f'TRY_CAST({v} AS TIMESTAMP)', ctx)} "
        f"WHEN {fits} THEN CASE WHEN regexp_matches({v}, '{_ZONED}') THEN {zoned} ELSE {to_instant(local, ctx)} END "
        f"{today} END"
    )


_ZONED_TODAY = error_sql(
    "LIGHTSTREAM_UNSUPPORTED",
    "A time with a zone and without a date, read as a timestamp, is not supported by lightstream.",
    "0A000",
    "UnsupportedOperationException",
)


def _of_today(v: str, ctx: SqlContext) -> str:
    now = to_local("CAST(getvariable('lightstream_now') AS TIMESTAMPTZ)", ctx)
    day = f"strftime({now}, '%Y-%m-%d ')"
    time = f"regexp_replace(ltrim(trim({v}, {_BLANKS}), 'T'), '^(\\d+)$', '\\1:00')"
    return to_instant(f"TRY_CAST({day} || {time} AS TIMESTAMP)", ctx)


# ---- writing --------------------------------------------------------------------------------------------------


def date_text(sql: str) -> str:
    """Return a date's text; years past 9999 have a sign, as in Java."""

    def body(v: str) -> str:
        year = f"year({v})"
        return (
            f"CASE WHEN {v} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN CAST({v} AS VARCHAR) "
            f"ELSE {_odd_year(year)} || strftime({v}, '-%m-%d') END"
        )

    return let(sql, body, "day")


def timestamp_text(sql: str, source: t.DataType, ctx: SqlContext) -> str:
    """Return a timestamp's text in the session's zone, the fraction without trailing zeros."""
    local = to_local(sql, ctx) if isinstance(source, t.TimestampType) else sql

    def body(v: str) -> str:
        fraction = f"regexp_replace(strftime({v}, '-%m-%d %H:%M:%S.%f'), '(\\.\\d*?)0+$', '\\1')"
        return (
            f"CASE WHEN {v} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' "
            f"THEN CAST({v} AS VARCHAR) ELSE {_odd_year(f'year({v})')} || rtrim({fraction}, '.') END"
        )

    return let(local, body, "local")


def _odd_year(year: str) -> str:
    padded = f"printf('%04d', abs({year}))"
    return f"CASE WHEN {year} > 9999 THEN '+' WHEN {year} < 0 THEN '-' ELSE '' END || {padded}"


def interval_text(sql: str, source: t.DataType) -> str:
    """Return an ANSI interval's text: `INTERVAL '1 02:00:00' DAY TO SECOND`."""

    def body(v: str) -> str:
        sign = f"CASE WHEN {v} < 0 THEN '-' ELSE '' END"
        if isinstance(source, t.YearMonthIntervalType):
            text = _year_month_text(f"abs({v})", source)
            units = source._units
        else:
            assert isinstance(source, t.DayTimeIntervalType)
            text = _day_time_text(f"abs({v})", source)
            units = source._units
        start, end = units[source.startField].upper(), units[source.endField].upper()
        suffix = start if start == end else f"{start} TO {end}"
        return f"('INTERVAL ''' || {sign} || {text} || ''' {suffix}')"

    return let(sql, body, "interval")


def _year_month_text(v: str, source: t.YearMonthIntervalType) -> str:
    if source.startField == source.endField == source.YEAR:
        return f"CAST({v} // 12 AS VARCHAR)"
    if source.startField == source.MONTH:
        return f"CAST({v} AS VARCHAR)"
    return f"({v} // 12 || '-' || {v} % 12)"


def _day_time_text(v: str, source: t.DayTimeIntervalType) -> str:
    parts = []
    for field in range(source.startField, source.endField + 1):
        amount = f"{v} // {_UNIT_US[field]}"
        if field > source.startField:
            amount = f"{v} % {_UNIT_US[field - 1]} // {_UNIT_US[field]}"
        text = f"CAST({amount} AS VARCHAR)" if field == 0 else f"printf('%02d', {amount})"
        if field == 3:
            fraction = f"rtrim(printf('.%06d', {v} % 1000000), '0')"
            text += f" || CASE WHEN {v} % 1000000 = 0 THEN '' ELSE {fraction} END"
        parts.append(text)
    head, rest = parts[0], parts[1:]
    if source.startField == 0 and rest:
        return f"{head} || ' ' || " + " || ':' || ".join(rest)
    return " || ':' || ".join(parts)


def calendar_interval_text(sql: str) -> str:
    """Return a calendar interval's text: `1 years 2 months 3 days 4 hours 5 minutes 6.7 seconds`."""

    def body(v: str) -> str:
        us = f"datepart('microsecond', {v})"
        fraction = f"rtrim(printf('.%06d', abs({us} % 1000000)), '0')"
        second = f"({us} // 1000000 || CASE WHEN {us} % 1000000 = 0 THEN '' ELSE {fraction} END)"
        second = f"CASE WHEN {us} < 0 AND {us} > -1000000 THEN '-' ELSE '' END || {second}"
        parts = [
            f"CASE WHEN datepart('{unit}', {v}) <> 0 THEN datepart('{unit}', {v}) || ' {unit}s' END"
            for unit in ("year", "month", "day", "hour", "minute")
        ]
        parts.append(f"CASE WHEN {us} <> 0 THEN {second} || ' seconds' END")
        joined = f"concat_ws(' ', {', '.join(parts)})"
        return f"CASE WHEN {v} IS NULL THEN NULL WHEN {joined} = '' THEN '0 seconds' ELSE {joined} END"

    return let(sql, body, "interval")


# ---- among dates, timestamps and numbers ----------------------------------------------------------------------


def time_cast(sql: str, source: t.DataType, target: t.DataType, mode: str, ctx: SqlContext) -> str:
    """Return a cast with a date or a timestamp on one side at least."""
    match source, target:
        case t.DateType(), t.TimestampType():
            if is_utc(ctx):
                return f"make_timestamptz(epoch_us(CAST({sql} AS TIMESTAMP)))"
            return to_instant(f"CAST({sql} AS TIMESTAMP)", ctx)
        case t.DateType(), t.TimestampNTZType():
            return f"CAST({sql} AS TIMESTAMP)"
        case t.TimestampType(), t.DateType():
            return f"CAST({to_local(sql, ctx)} AS DATE)"
        case t.TimestampType(), t.TimestampNTZType():
            return to_local(sql, ctx)
        case t.TimestampNTZType(), t.DateType():
            return f"CAST({sql} AS DATE)"
        case t.TimestampNTZType(), t.TimestampType():
            return to_instant(sql, ctx)
        case t.TimestampType(), _:
            return _from_timestamp(sql, target, mode)
        case _, t.TimestampType():
            return _to_timestamp(sql, source, mode)
        case t.DateType(), _ if mode == "legacy":
            return f"CASE WHEN {sql} IS NULL THEN CAST(NULL AS {duck_type(target)}) END"
    raise unsupported(f"A cast from {source.simpleString()} to {target.simpleString()}")


def _from_timestamp(sql: str, target: t.DataType, mode: str) -> str:
    us = f"epoch_us({sql})"
    match target:
        case t.LongType():
            return _floor_seconds(us)
        case t.IntegralType():
            word = "CAST" if mode == "ansi" else "TRY_CAST"
            return f"{word}({_floor_seconds(us)} AS {duck_type(target)})"
        case t.FloatType() | t.DoubleType():
            return f"CAST(({us} / 1e6) AS {duck_type(target)})"
        case t.DecimalType():
            from lightstream.functions.cast_numbers import decimal_from_text

            exact = f"CAST(CAST({us} AS DECIMAL(20,0)) * CAST(0.000001 AS DECIMAL(7,6)) AS VARCHAR)"
            return let(sql, lambda v: _when(v, decimal_from_text(exact.replace(sql, v), target, mode)))
        case t.BooleanType():
            return f"({us} <> 0)"
    raise unsupported(f"A cast from timestamp to {target.simpleString()}")


def _when(v: str, body: str) -> str:
    return f"CASE WHEN {v} IS NOT NULL THEN {body} END"


def _floor_seconds(us: str) -> str:
    return let(us, lambda v: f"(({v} - (({v} % 1000000) + 1000000) % 1000000) // 1000000)", "us")


# Spark's timestamps begin a few hours earlier than DuckDB's, and wrap around.
_BEYOND = error_sql(
    "LIGHTSTREAM_UNSUPPORTED",
    "A timestamp that DuckDB cannot hold is not supported by lightstream.",
    "0A000",
    "UnsupportedOperationException",
)


def _to_timestamp(sql: str, source: t.DataType, mode: str) -> str:
    match source:
        case t.IntegralType():
            if mode == "legacy" or isinstance(source, t.LongType):
                # Spark: seconds out of range stop at the last timestamp there is.
                return let(
                    f"CAST({sql} AS BIGINT)",
                    lambda v: (
                        f"make_timestamptz(CASE WHEN {v} > 9223372036854 THEN 9223372036854775806 "
                        f"WHEN {v} < -9223372022400 THEN {_BEYOND} ELSE {v} * 1000000 END)"
                    ),
                    "seconds",
                )
            return f"make_timestamptz(CAST({sql} AS BIGINT) * 1000000)"
        case t.DecimalType():
            wide = f"DECIMAL(38,{max(source.scale, 6)})"
            return let(
                sql,
                lambda v: (
                    f"CASE WHEN abs({v}) < 9223372022400 THEN make_timestamptz("
                    f"CAST(trunc(CAST({v} AS {wide}) * 1000000) AS BIGINT)) WHEN {v} IS NOT NULL THEN {_BEYOND} END"
                ),
                "seconds",
            )
        case t.FloatType() | t.DoubleType():

            def body(v: str) -> str:
                whole = f"trunc(CAST({v} AS DOUBLE) * 1e6)"
                us = f"make_timestamptz({'TRY_CAST' if mode == 'try' else 'CAST'}({whole} AS BIGINT))"
                if (
                    mode == "legacy"
                ):  # what is out of range stops at the first and the last timestamp there is
                    us = (
                        f"make_timestamptz(CASE WHEN {whole} >= 9.2e18 THEN 9223372036854775806 "
                        f"WHEN {whole} <= -9.2e18 THEN {_BEYOND} ELSE CAST({whole} AS BIGINT) END)"
                    )
                if mode != "ansi":
                    return f"CASE WHEN isfinite({v}) THEN {us} END"
                failure = error_with_value_sql(
                    "CAST_INVALID_INPUT",
                    f'The value {{}} of the type "{source.sql()}" cannot be cast to "TIMESTAMP" because it is '
                    "malformed. Use `try_cast` to tolerate malformed input and return NULL instead.",
                    v,
                    "22018",
                    "DateTimeException",
                )
                return f"CASE WHEN isfinite({v}) THEN {us} WHEN {v} IS NOT NULL THEN {failure} END"

            return let(sql, body, "seconds")
        case t.BooleanType():
            return f"make_timestamptz(CAST({sql} AS BIGINT))"
    raise unsupported(f"A cast from {source.simpleString()} to timestamp")


# ---- words ----------------------------------------------------------------------------------------------------

_WORD = re.compile(r"([A-Za-z]+)[ \t]*(.*)", re.DOTALL)
_DAYS = {"now": 0, "today": 0, "tomorrow": 1, "yesterday": -1}


def of_word(text: str, target: t.DataType, ctx: SqlContext) -> tuple[str, t.DataType] | None:
    """Return what a constant text names where a date or time is wanted (`now`, `today`, `epoch`), and its type.

    Spark: constants only; the text of a column is none of these.
    """
    found = _WORD.fullmatch(text.strip("".join(map(chr, range(33)))))  # Java's trim
    word, zone = (found[1].lower(), found[2]) if found else ("", "")
    if zone and (word == "now" or not re.fullmatch(_ZONE, zone)):
        return None
    if zone and (word == "epoch" or word in _DAYS):  # Spark: the zone is to be one, and means nothing
        raise unsupported(f"{text!r} as a date or time", "Leave the time zone out.")
    if word == "epoch":
        if isinstance(target, t.TimestampType):
            return "make_timestamptz(0)", target
        return "CAST('1970-01-01' AS DATE)", t.DateType()
    if word not in _DAYS:
        return None
    now = "CAST(getvariable('lightstream_now') AS TIMESTAMPTZ)"
    if word == "now":
        return now, t.TimestampType()
    return f"(CAST({to_local(now, ctx)} AS DATE) + {_DAYS[word]})", t.DateType()


# ---- intervals ------------------------------------------------------------------------------------------------


def interval_unit(data_type: t.DataType) -> int:
    """Return how many microseconds (or months) the last field of an ANSI interval type has."""
    if isinstance(data_type, t.DayTimeIntervalType):
        return _UNIT_US[data_type.endField]
    assert isinstance(data_type, t.YearMonthIntervalType)
    return 12 if data_type.endField == data_type.YEAR else 1


def interval_cast(sql: str, source: t.DataType, target: t.DataType, mode: str) -> str:
    """Return a cast between ANSI intervals, or between one and a number of its last field.

    Spark: what does not fit fails under legacy rules, too.
    """
    if isinstance(source, t.AnsiIntervalType) and isinstance(target, t.AnsiIntervalType):
        unit = interval_unit(target)
        return f"({sql} // {unit} * {unit})" if interval_unit(source) < unit else sql
    word = "TRY_CAST" if mode == "try" else "CAST"
    if isinstance(source, t.AnsiIntervalType):
        number = f"({sql} // {interval_unit(source)})"
        if isinstance(target, t.DecimalType) and interval_unit(source) == 1_000_000:
            number = f"(CAST({sql} AS DECIMAL(19,0)) * CAST(0.000001 AS DECIMAL(7,6)))"
        return f"{word}({number} AS {duck_type(target)})"
    assert isinstance(target, t.AnsiIntervalType)
    return let(sql, lambda v: _number_to_interval(v, source, target, mode), "number")


def _number_to_interval(v: str, source: t.DataType, target: t.AnsiIntervalType, mode: str) -> str:
    unit = interval_unit(target)
    whole = f"CAST({v} AS HUGEINT) * {unit}"
    if isinstance(source, t.DecimalType):
        room = 38 - len(str(unit))
        if source.scale > room:
            raise unsupported(f"A cast from {source.simpleString()} to {target.simpleString()}")
        part = f"CAST({v} - trunc({v}) AS DECIMAL({room},{source.scale}))"
        size = f"CAST({unit} AS DECIMAL({len(str(unit))},0))"
        part = f"CAST(round({part} * {size}) AS HUGEINT)" if source.scale else "0"
        whole = f"CAST(TRY_CAST(trunc({v}) AS BIGINT) AS HUGEINT) * {unit} + {part}"
    cast = f"TRY_CAST({whole} AS {duck_type(target)})"
    if mode == "try":
        return cast
    failure = error_with_value_sql(
        "CAST_OVERFLOW",
        f'The value {{}} of the type "{source.sql()}" cannot be cast to "{target.sql()}" due to an overflow. '
        "Use `try_cast` to tolerate overflow and return NULL instead.",
        v,
        "22003",
        "ArithmeticException",
    )
    return f"CASE WHEN {v} IS NOT NULL THEN coalesce({cast}, {failure}) END"
