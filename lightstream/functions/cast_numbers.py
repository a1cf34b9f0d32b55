"""Casts between numbers and booleans."""

from __future__ import annotations

from lightstream.functions.spelling import duck_type, error_with_value_sql, let
from lightstream.plan import types as t

BITS: dict[type[t.DataType], int] = {
    t.BooleanType: 1, t.ByteType: 8, t.ShortType: 16, t.IntegerType: 32, t.LongType: 64,
}  # fmt: skip


def number_to_number(sql: str, source: t.DataType, target: t.DataType, mode: str) -> str:
    """Return a cast between two of: integers, decimals, floats, booleans."""
    if isinstance(target, t.BooleanType):
        return f"({sql} <> 0)"
    if isinstance(source, t.BooleanType):
        return f"{_word(mode)}(CAST({sql} AS TINYINT) AS {duck_type(target)})"
    if isinstance(target, t.DecimalType):
        return to_decimal(sql, source, target, mode)
    if isinstance(target, t.FloatType | t.DoubleType):
        return to_float(sql, source, target)
    if isinstance(source, t.FloatType | t.DoubleType):
        return _float_to_integer(sql, source, target, mode)
    if isinstance(source, t.DecimalType):
        # Spark cuts the fraction off, DuckDB's cast rounds.
        whole = f"trunc({sql})" if source.scale else sql
        if mode == "legacy":
            if source.precision - source.scale < 19:
                return _narrow(f"CAST({whole} AS BIGINT)", target)
            from lightstream.functions.arithmetic import wrapping

            return wrapping("+", f"CAST({whole} AS HUGEINT)", "0", target, "HUGEINT")
        return f"{_word(mode)}({whole} AS {duck_type(target)})"
    if BITS[type(source)] <= BITS[type(target)]:
        return f"CAST({sql} AS {duck_type(target)})"
    if mode == "legacy":
        return _narrow(sql, target)
    return f"{_word(mode)}({sql} AS {duck_type(target)})"


def _word(mode: str) -> str:
    return "CAST" if mode == "ansi" else "TRY_CAST"


def _narrow(sql: str, target: t.DataType) -> str:
    """Return a whole number cut to the low bits of a smaller type, as Java's casts do."""
    bits = BITS[type(target)]
    if bits == 64:
        return f"CAST({sql} AS BIGINT)"
    mask, half = 2**bits - 1, 2 ** (bits - 1)
    return f"CAST(((((CAST({sql} AS BIGINT) & {mask}) + {half}) & {mask}) - {half}) AS {duck_type(target)})"


def to_float(sql: str, source: t.DataType, target: t.DataType) -> str:
    """Return a cast to float or double, correctly rounded."""
    name = duck_type(target)
    if isinstance(source, t.DecimalType) and source.precision > 15:
        # Past 15 digits DuckDB's division by a power of ten is not exact; its text reader is.
        return f"CAST(CAST({sql} AS VARCHAR) AS {name})"
    if isinstance(source, t.DoubleType) and isinstance(target, t.FloatType):
        # Where DuckDB fails, Java gives infinity.
        return let(
            sql,
            lambda v: (
                f"CASE WHEN abs({v}) < 3.4028235677973366e38 OR isnan({v}) OR isinf({v}) THEN "
                f"CAST({v} AS FLOAT) WHEN {v} IS NOT NULL THEN CAST(sign({v}) * CAST('inf' AS DOUBLE) AS FLOAT) END"
            ),
        )
    return f"CAST({sql} AS {name})"


def _float_to_integer(sql: str, source: t.DataType, target: t.DataType, mode: str) -> str:
    name, bits = duck_type(target), BITS[type(target)]
    low, high = -(2.0 ** (bits - 1)), 2.0 ** (bits - 1)
    if mode == "legacy" and bits < 32:
        return _narrow(_float_to_integer(sql, source, t.IntegerType(), mode), target)

    def body(v: str) -> str:
        # Of a long, the ends themselves are allowed: 2^63 as a double becomes the largest long.
        above, below = ("<=", ">=") if bits == 64 else ("<", ">")
        edge = f"{high!r}" if bits == 64 else repr(high)
        floor = f"{low!r}" if bits == 64 else repr(low - 1)
        fits = f"{v} {above} {edge} AND {v} {below} {floor}"
        cut = f"CAST(trunc({v}) AS {name})"
        if bits == 64:
            cut = f"CASE WHEN {v} >= {high!r} THEN {2**63 - 1} ELSE CAST(trunc({v}) AS BIGINT) END"
        if mode == "legacy":
            return (
                f"CASE WHEN {v} IS NULL THEN NULL WHEN isnan({v}) THEN CAST(0 AS {name}) "
                f"WHEN {v} >= {high!r} THEN {2 ** (bits - 1) - 1} "
                f"WHEN {v} <= {low!r} THEN {-(2 ** (bits - 1)) + 1} - 1 ELSE {cut} END"
            )
        if mode == "try":
            return f"CASE WHEN {fits} THEN {cut} END"
        failure = error_with_value_sql(
            "CAST_OVERFLOW",
            f'The value {{}} of the type "{source.sql()}" cannot be cast to "{target.sql()}" due to an overflow. '
            "Use `try_cast` to tolerate overflow and return NULL instead.",
            v,
            "22003",
            "ArithmeticException",
        )
        return f"CASE WHEN {v} IS NULL THEN NULL WHEN {fits} THEN {cut} ELSE {failure} END"

    return let(sql, body)


def to_decimal(sql: str, source: t.DataType, target: t.DecimalType, mode: str) -> str:
    """Return a cast to decimal: rounded half up; out of range fails, or is NULL."""
    word = _word(mode)
    if isinstance(source, t.FloatType | t.DoubleType):
        # Through the shortest text, as Java reads doubles into decimals: 1.005 is 1.01 with two digits.
        text = f"CAST({sql} AS VARCHAR)"
        if isinstance(source, t.FloatType):
            text = f"CAST(CAST({sql} AS DOUBLE) AS VARCHAR)"
        return let(
            sql,
            lambda v: (
                "CASE WHEN isfinite("
                + f"{v}) THEN "
                + decimal_from_text(text.replace(sql, v), target, mode)
                + " END"
            ),
        )
    return f"{word}({sql} AS {duck_type(target)})"


def decimal_from_text(text: str, target: t.DecimalType, mode: str) -> str:
    """Return a cast of well-formed decimal text that fails with NUMERIC_VALUE_OUT_OF_RANGE under ANSI."""
    cast = f"TRY_CAST({text} AS {duck_type(target)})"
    if target.precision < 38:
        # By way of all digits: DuckDB does not read `1e-3` into a decimal(3,3).
        cast = f"TRY_CAST(TRY_CAST({text} AS DECIMAL(38,{target.scale})) AS {duck_type(target)})"
    if mode != "ansi":
        return cast
    failure = error_with_value_sql(
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        f"{{}} cannot be represented as Decimal({target.precision}, {target.scale}). If necessary set "
        '"spark.sql.ansi.enabled" to "false" to bypass this error, and return NULL instead.',
        text,
        "22003",
        "ArithmeticException",
    )
    return f"coalesce({cast}, {failure})"
