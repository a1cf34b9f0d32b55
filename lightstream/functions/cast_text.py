"""Casts from and to strings."""

from __future__ import annotations

from lightstream.errors import unsupported
from lightstream.functions import cast_numbers, cast_times
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import duck_type, error_sql, error_with_value_sql, let, native_sql
from lightstream.plan import types as t

# What Spark trims before it reads a value: white space and control characters.
SPACE = r"[\x00-\x20\x7F]*"
_WHOLE = rf"{SPACE}[+-]?[0-9]+{SPACE}"
_WHOLE_LEGACY = rf"{SPACE}[+-]?[0-9]*(?:\.[0-9]*)?{SPACE}"
_FLOAT = (
    rf"(?i){SPACE}(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?[df]?|[+-]?inf(?:inity)?|nan){SPACE}"
)
# Java's decimals have digits of any script.
_OTHER_DECIMAL = rf"{SPACE}[+-]?(?:\p{{Nd}}+\.?\p{{Nd}}*|\.\p{{Nd}}+)(?:[eE][+-]?\p{{Nd}}+)?{SPACE}"
_OTHER_DIGITS = error_sql(
    "LIGHTSTREAM_UNSUPPORTED",
    "A text with other digits than those of ASCII, cast to a decimal, is not supported by lightstream.",
    "0A000",
    "UnsupportedOperationException",
)
_DECIMAL = rf"{SPACE}[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?{SPACE}"


# ---- from a string --------------------------------------------------------------------------------------------


def from_text(sql: str, target: t.DataType, mode: str, ctx: SqlContext) -> str:
    """Return a cast of a string; text that is no such value fails, or is NULL."""
    if isinstance(target, t.BinaryType):
        return f"encode({sql})"
    return let(sql, lambda v: _or_failure(_parsed(v, target, mode, ctx), v, target, mode), "text")


def _or_failure(parsed: str, v: str, target: t.DataType, mode: str) -> str:
    if mode != "ansi":
        return parsed
    kind = "NumberFormatException"
    if isinstance(target, t.DatetimeType):
        kind = "DateTimeException"
    elif isinstance(target, t.BooleanType):
        kind = "SparkRuntimeException"
    failure = invalid_input(v, "STRING", target.sql(), kind)
    return f"coalesce({parsed}, {failure})"


def invalid_input(value_sql: str, source: str, target: str, kind: str) -> str:
    """Return the CAST_INVALID_INPUT failure."""
    return error_with_value_sql(
        "CAST_INVALID_INPUT",
        f'The value \'{{}}\' of the type "{source}" cannot be cast to "{target}" because it is malformed. Correct the '
        "value as per the syntax, or change its target type. Use `try_cast` to tolerate malformed input and return "
        "NULL instead.",
        value_sql,
        "22018",
        kind,
    )


def _parsed(v: str, target: t.DataType, mode: str, ctx: SqlContext) -> str:
    name = duck_type(target)
    match target:
        case t.IntegralType():
            if mode == "legacy":
                # Digits before the point count; `.5` and `.` are 0. Bare signs and blanks are no numbers.
                whole = f"regexp_extract({v}, '[+-]?[0-9]*')"
                whole = f"regexp_extract(trim({v}, chr(9) || chr(10) || chr(13) || ' '), '^([+-]?[0-9]*)', 1)"
                digits = f"CASE WHEN {whole} IN ('', '+', '-') THEN '0' ELSE {whole} END"
                return (
                    f"TRY_CAST(CASE WHEN regexp_full_match({v}, '{_WHOLE_LEGACY}') "
                    f"AND regexp_matches({v}, '[0-9.]') THEN {digits} END AS {name})"
                )
            return f"TRY_CAST(CASE WHEN regexp_full_match({v}, '{_WHOLE}') THEN {v} END AS {name})"
        case t.FloatType() | t.DoubleType():
            # Java's suffixes d and f are taken off; "inf" and "nan" are the same words in DuckDB.
            bare = f"regexp_replace({v}, '(?i)([0-9.])[df]({SPACE})$', '\\1')"
            bare = f"CASE WHEN regexp_matches({v}, '(?i)[0-9.][df]') THEN {bare} ELSE {v} END"
            return f"TRY_CAST(CASE WHEN regexp_full_match({v}, '{_FLOAT}') THEN {bare} END AS {name})"
        case t.DecimalType():
            checked = cast_numbers.decimal_from_text(v, target, mode)
            if mode == "ansi":
                beyond = error_with_value_sql(
                    "NUMERIC_OUT_OF_SUPPORTED_RANGE",
                    "The value {} cannot be interpreted as a numeric since it has more than 38 digits.",
                    v,
                    "22003",
                    "ArithmeticException",
                )
                checked = f"CASE WHEN TRY_CAST({v} AS DECIMAL(38,0)) IS NULL THEN {beyond} ELSE {checked} END"
            other = f"WHEN regexp_full_match({v}, '{_OTHER_DECIMAL}') THEN {_OTHER_DIGITS}"
            return f"CASE WHEN regexp_full_match({v}, '{_DECIMAL}') THEN {checked} {other} END"
        case t.BooleanType():
            word = f"lower(regexp_replace({v}, '^{SPACE}(.*?){SPACE}$', '\\1'))"
            return (
                f"CASE WHEN {word} IN ('t', 'true', 'y', 'yes', '1') THEN TRUE "
                f"WHEN {word} IN ('f', 'false', 'n', 'no', '0') THEN FALSE END"
            )
        case t.DateType():
            return cast_times.date_from_text(v)
        case t.TimestampType() | t.TimestampNTZType():
            return cast_times.timestamp_from_text(v, target, ctx)
    raise unsupported(f"A cast from string to {target.simpleString()}")


# ---- to a string ----------------------------------------------------------------------------------------------


def to_text(sql: str, source: t.DataType, mode: str, ctx: SqlContext, pretty: bool = False) -> str:
    """Return the text of a value. `pretty` is for `show`: nested NULLs are `NULL` and bytes `[41 FF]`."""
    match source:
        case t.StringType() | t.CharType() | t.VarcharType():
            return sql
        case t.FloatType() | t.DoubleType():
            return java_text(sql)
        case t.BinaryType():
            return bytes_text(sql) if pretty else f"decode({sql})"
        case t.DecimalType():
            if mode == "legacy" and source.scale > 6 and not pretty:
                raise unsupported(f"A cast from {source.simpleString()} to string without ANSI rules")
            if source.precision == source.scale:  # DuckDB then leaves the zero before the point out
                return f"regexp_replace(CAST({sql} AS VARCHAR), '^(-?)\\.', '\\10.')"
            return f"CAST({sql} AS VARCHAR)"
        case t.DateType():
            return cast_times.date_text(sql)
        case t.TimestampType() | t.TimestampNTZType():
            return cast_times.timestamp_text(sql, source, ctx)
        case t.DayTimeIntervalType() | t.YearMonthIntervalType():
            return cast_times.interval_text(sql, source)
        case t.CalendarIntervalType():
            return cast_times.calendar_interval_text(sql)
        case t.ArrayType() | t.MapType() | t.StructType():
            return _nested_text(sql, source, mode, ctx, pretty)
        case t.VariantType():  # Spark: in anything with parts, and in `show`, as JSON
            return native_sql("variant_json", sql, "'UTC'")
    return f"CAST({sql} AS VARCHAR)"


def java_decimal_text(sql: str, source: t.DecimalType, ctx: SqlContext) -> str:
    """Return the text of a decimal as Java prints it: small ones of many digits with an exponent, as `1.5E-8`."""
    plain = to_text(sql, source, "ansi", ctx)
    if source.scale <= 6:
        return plain

    def small(digits: str) -> str:
        rest = f"CASE WHEN length({digits}) > 1 THEN '.' || {digits}[2:] ELSE '' END"
        sign = f"CASE WHEN {sql} < 0 THEN '-' ELSE '' END"
        return f"{sign} || {digits}[1] || {rest} || 'E-' || ({source.scale} + 1 - length({digits}))"

    digits = f"coalesce(nullif(ltrim(CAST({sql} AS VARCHAR), '-0.'), ''), '0')"
    return f"CASE WHEN abs({sql}) < 0.000001 THEN {let(digits, small, 'digits')} ELSE {plain} END"


def bytes_text(sql: str) -> str:
    """Return bytes as `show` prints them: `[41 FF]`."""
    return f"('[' || rtrim(regexp_replace(hex({sql}), '(..)', '\\1 ', 'g')) || ']')"


def _nested_text(sql: str, source: t.DataType, mode: str, ctx: SqlContext, pretty: bool) -> str:
    from lightstream.functions.casts import _depth

    null = "NULL" if pretty else "null"
    depth = _depth(source)
    name = f"ls_t{depth}"

    def part(text: str, data_type: t.DataType) -> str:
        return f"coalesce({to_text(text, data_type, mode, ctx, pretty)}, '{null}')"

    match source:
        case t.ArrayType():
            items = f"list_transform({sql}, lambda {name}: {part(name, source.elementType)})"
            return f"('[' || array_to_string({items}, ', ') || ']')"
        case t.MapType():
            pair = f"{part(f'{name}.key', source.keyType)} || ' -> ' || {part(f'{name}.value', source.valueType)}"
            items = f"list_transform(map_entries({sql}), lambda {name}: {pair})"
            return f"('{{' || array_to_string({items}, ', ') || '}}')"
        case t.StructType():

            def fields(v: str) -> str:
                parts = [
                    part(f"struct_extract_at({v}, {i})", f.dataType) for i, f in enumerate(source.fields, 1)
                ]
                joined = " || ', ' || ".join(parts)
                return f"CASE WHEN {v} IS NOT NULL THEN '{{' || {joined} || '}}' END"

            return let(sql, fields, f"u{depth}")
    raise unsupported(f"The text of a value of type {source.simpleString()}")


# DuckDB's text of numbers that Java prints the same way: from 1e-3 on, below 1e7.
_SAME_IN_JAVA = r"^-?(?:[1-9]\d{0,6}|0\.0|0\.0{0,2}[1-9]\d*)(?:\.\d+)?$"


def java_text(sql: str) -> str:
    """Return a float or double as Java prints it: plain from 1e-3 to 1e7, `1.0E10` outside.

    Spark: on Java 17 some numbers print with a digit more than they need; here, as on Java 19 and later, never.
    """

    def body(v: str) -> str:
        text = f"CAST({v} AS VARCHAR)"
        # 12345678.5 becomes 1.23456785 and E7
        digits = f"rtrim(regexp_replace({text}, '^(-?\\d)(\\d*)\\.', '\\1.\\2'), '0')"
        digits = f"regexp_replace({digits}, '\\.$', '.0')"
        exponent = f"(strpos(ltrim({text}, '-'), '.') - 2)"
        # 0.0001234 becomes 1.234e-4, 1e-05 becomes 1.0E-5, 1.5e+17 becomes 1.5E17
        small = f"regexp_replace({text}, '^(-?)0\\.000(\\d)(\\d*)$', '\\1\\2.\\3e-4')"
        pointed = f"regexp_replace({small}, '^(-?\\d)\\.?e', '\\1.0e')"
        other = f"regexp_replace({pointed}, 'e\\+?(-?)0*(\\d+)$', 'E\\1\\2')"
        return (
            f"CASE WHEN regexp_matches({text}, '{_SAME_IN_JAVA}') THEN {text} "
            f"WHEN regexp_matches({text}, '^-?\\d{{8,}}\\.') THEN {digits} || 'E' || {exponent} "
            f"ELSE replace(regexp_replace({other}, '-?nan', 'NaN'), 'inf', 'Infinity') END"
        )

    return let(sql, body, "number")
