"""Exact decimal arithmetic with Spark's result types and rounding."""

from __future__ import annotations

import decimal
import re

from lightstream.functions.spelling import duck_type, error_sql, let, native_sql
from lightstream.plan import types as t

_CALLS = re.compile(r"(\w*) ?\(")
# What DuckDB is known to take in TRY, among the words before parentheses.
_IN_TRY = frozenset({"", "CAST", "TRY_CAST", "TRY", "DECIMAL", "coalesce", "AS", "THEN", "WHEN", "AND"})
# How many digits Spark's minus keeps.
MINUS_DIGITS = 34


def arithmetic(
    operator: str,
    left: str,
    right: str,
    pair: tuple[t.DecimalType, t.DecimalType],
    result: t.DataType,
    ansi: bool,
) -> str:
    """Return `left operator right` over decimals, rounded half up to the result type.

    A value that does not fit fails (NUMERIC_VALUE_OUT_OF_RANGE), or is NULL without ANSI rules. Spark: its
    intermediate values are unlimited, here they have 38 digits; past that products and quotients are computed in
    Python, sums fail.
    """
    wide = _needs_more_digits(operator, *pair, result)
    if not ansi or wide:
        # DuckDB's TRY takes no calls that fail, aggregates or windows: operands are computed outside of it.
        for position, text in enumerate((left, right)):
            if not _IN_TRY.issuperset(_CALLS.findall(text)):

                def tried(v: str, position: int = position) -> str:
                    operands = (v, right) if position == 0 else (left, v)
                    return arithmetic(operator, *operands, pair, result, ansi)

                return f"list_transform([{text}], lambda ls_d{position}: {tried(f'ls_d{position}')})[1]"
    one, other = pair
    if operator in ("/", "div", "%"):
        text = _by(operator, left, right, one, other, result)
        if not wide:  # division by zero is DuckDB's own error
            return text if ansi else f"CASE WHEN {right} <> 0 THEN TRY({text}) END"
        exact = _exactly(operator, left, right, text, result, ansi)
        by_zero = f" WHEN {right} = 0 THEN {text}" if ansi else ""
        return f"CASE WHEN {right} <> 0 THEN {exact}{by_zero} END"
    assert isinstance(result, t.DecimalType)
    if operator == "*" and one.scale + other.scale > 38:  # DuckDB has no type for the product
        return _exactly(operator, left, right, None, result, ansi)
    if operator == "*" and _stays_narrow(one, other):
        left = f"CAST({left} AS DECIMAL({_NARROW + 1},{one.scale}))"
    text = f"({left} {operator} {right})"
    if _duck_result(operator, one, other) != (result.precision, result.scale):
        text = f"CAST({text} AS DECIMAL({result.precision},{result.scale}))"
    if wide:
        return _exactly(operator, left, right, text, result, ansi)
    return text if ansi else f"TRY({text})"


def _needs_more_digits(operator: str, one: t.DecimalType, other: t.DecimalType, result: t.DataType) -> bool:
    """Return whether a product or quotient can have more than 38 digits on the way to its result."""
    if operator == "*":
        return one.precision + other.precision > 38
    if operator == "div" and one.precision - one.scale + other.scale > 18:  # Spark: cut to 64 bits
        return True
    if operator in ("/", "div", "%"):
        return max(one.precision, other.precision) + _most_shift(one, other, result) > 37
    return False


def _exactly(operator: str, left: str, right: str, text: str | None, result: t.DataType, ansi: bool) -> str:
    """Return what `text` computes, and where that needs more than 38 digits on the way the exact value."""
    scale = result.scale if isinstance(result, t.DecimalType) else 0
    texts = (f"CAST({value} AS VARCHAR)" for value in (left, right))
    exact = native_sql("decimal_operation", f"'{operator}'", *texts, str(scale))
    name = f"DECIMAL({result.precision},{scale})" if isinstance(result, t.DecimalType) else "BIGINT"
    found = [f"TRY({text})"] if text is not None else []
    found.append(f"TRY_CAST({exact} AS {name})")
    if not ansi:
        return f"coalesce({', '.join(found)})"
    failure = error_sql(
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION"
        if isinstance(result, t.DecimalType)
        else "ARITHMETIC_OVERFLOW",
        f"The value of a decimal {operator} cannot be represented as {result.sql()}. If necessary set "
        '"spark.sql.ansi.enabled" to "false" to bypass this error, and return NULL instead.',
        "22003",
    )
    given = f"{left} IS NOT NULL AND {right} IS NOT NULL"
    return f"CASE WHEN {given} THEN coalesce({', '.join(found)}, {failure}) END"


# DuckDB multiplies decimals of up to 18 digits in 64 bits, and fails where the product has more.
_NARROW = 18


def _stays_narrow(one: t.DecimalType, other: t.DecimalType) -> bool:
    return max(one.precision, other.precision) <= _NARROW < one.precision + other.precision


def _duck_result(operator: str, one: t.DecimalType, other: t.DecimalType) -> tuple[int, int]:
    """Return precision and scale that DuckDB gives the result."""
    if operator == "*":
        left = _NARROW + 1 if _stays_narrow(one, other) else one.precision
        return min(38, left + other.precision), one.scale + other.scale
    scale = max(one.scale, other.scale)
    whole = max(one.precision - one.scale, other.precision - other.scale)
    return min(38, whole + scale + 1), scale


def _by(
    operator: str,
    left: str,
    right: str,
    one: t.DecimalType,
    other: t.DecimalType,
    result: t.DataType,
) -> str:
    if operator == "/":
        assert isinstance(result, t.DecimalType)
        return _quotient(left, right, one, other, result)
    if operator == "%":
        return _remainder(left, right, one, other, result)
    return _whole_quotient(left, right, one, other)


def _most_shift(one: t.DecimalType, other: t.DecimalType, result: t.DataType) -> int:
    """Return by how many digits an operand of a division is moved to the left, at most."""
    scale = result.scale if isinstance(result, t.DecimalType) else 0
    return max(abs(scale - one.scale + other.scale), abs(one.scale - other.scale))


def unscaled(sql: str, data_type: t.DecimalType, scale: int) -> str:
    """Return a decimal times 10^scale as HUGEINT; `scale` is at least the type's own."""
    p, s = data_type.precision, data_type.scale
    if s == 0:
        whole = f"CAST({sql} AS HUGEINT)"
    elif max(p, _NARROW + 1) + s + 1 <= 38:
        wide = sql if p + s + 1 <= _NARROW else f"CAST({sql} AS DECIMAL({max(p, _NARROW + 1)},{s}))"
        whole = f"CAST({wide} * CAST({10**s} AS DECIMAL({s + 1},0)) AS HUGEINT)"
    else:
        whole = f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)"
    if scale > s:
        return f"({whole} * CAST('{10 ** (scale - s)}' AS HUGEINT))"
    return whole


def from_unscaled(sql: str, result: t.DecimalType) -> str:
    """Return a HUGEINT as the decimal with its digits and the result's scale."""
    if result.scale == 0:
        return f"CAST({sql} AS DECIMAL({result.precision},0))"
    tiny = f"CAST('0.{'0' * (result.scale - 1)}1' AS DECIMAL({result.scale},{result.scale}))"
    return f"CAST(CAST({sql} AS DECIMAL(38,0)) * {tiny} AS DECIMAL({result.precision},{result.scale}))"


def _quotient(a: str, b: str, one: t.DecimalType, other: t.DecimalType, result: t.DecimalType) -> str:
    # a/b with `scale` digits: (a's digits * 10^shift) / b's digits, rounded half up.
    shift = result.scale - one.scale + other.scale
    digits = unscaled(a, one, one.scale)
    top = f"({digits} * CAST('{10**shift}' AS HUGEINT))" if shift > 0 else digits
    bottom = unscaled(b, other, other.scale)
    if shift < 0:
        bottom = f"({bottom} * CAST('{10**-shift}' AS HUGEINT))"
    # Half up: half a divisor, with the dividend's sign, is added before the division cuts.
    rounded = let(
        top,
        lambda x: let(bottom, lambda y: f"(({x} * 2 + sign({x}) * abs({y})) // ({y} * 2))", "below"),
        "above",
    )
    return from_unscaled(rounded, result)


def _remainder(a: str, b: str, one: t.DecimalType, other: t.DecimalType, result: t.DataType) -> str:
    scale = max(one.scale, other.scale)
    assert isinstance(result, t.DecimalType)
    rest = f"({unscaled(a, one, scale)} % {unscaled(b, other, scale)})"
    if result.scale != scale:
        return f"CAST({from_unscaled(rest, t.DecimalType(38, scale))} AS DECIMAL({result.precision},{result.scale}))"
    return from_unscaled(rest, result)


def _whole_quotient(a: str, b: str, one: t.DecimalType, other: t.DecimalType) -> str:
    scale = max(one.scale, other.scale)
    return f"CAST({unscaled(a, one, scale)} // {unscaled(b, other, scale)} AS BIGINT)"


def negative(sql: str, data_type: t.DataType) -> str:
    """Return a decimal with the other sign. Spark's minus keeps 34 digits only."""
    assert isinstance(data_type, t.DecimalType)
    text = f"CAST(-{sql} AS {duck_type(data_type)})"
    if data_type.precision <= MINUS_DIGITS:
        return text
    limit = f"CAST('{decimal.Decimal(1).scaleb(MINUS_DIGITS - data_type.scale):f}' AS {duck_type(data_type)})"
    rounded = native_sql("decimal_negative", f"CAST({sql} AS VARCHAR)")
    failure = error_sql(
        "NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION",
        f"The negative value, rounded to {MINUS_DIGITS} digits, cannot be represented as {data_type.sql()}.",
        "22003",
    )
    beyond = f"coalesce(TRY_CAST({rounded} AS {duck_type(data_type)}), {failure})"
    return f"CASE WHEN abs({sql}) < {limit} THEN {text} WHEN {sql} IS NOT NULL THEN {beyond} END"
