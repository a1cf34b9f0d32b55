"""From the text of a DuckDB error to Spark's error."""

from __future__ import annotations

import json
import re

from lightstream import errors
from lightstream.errors import ArithmeticException, PySparkException, unsupported
from lightstream.functions.spelling import ERROR_MARK

_OVERFLOW = re.compile(
    r"Overflow in (addition|subtraction|multiplication|division|negation) of|Overflow on abs|Overflow in (\w+)"
)
_DIVISION = re.compile(r"^[\w ]*Error: Division by zero in expression (.*)", re.DOTALL)
_NARROWING = re.compile(
    r"Type (\w+) with value (\S+) can't be cast (?:because|to).* destination type (\w+)|"
    r"Failed to cast decimal value (\S+) to type (\w+)"
)
_DECIMAL_RANGE = re.compile(
    r'Casting value "([^"]*)" to type DECIMAL\((\d+), ?(\d+)\) failed'
    r"|Could not cast value (\S+) to DECIMAL\((\d+), ?(\d+)\)"
)
_BEYOND = re.compile(
    r"Error: (Date out of range|Date and time not in timestamp range|Epoch seconds out of range for TIMESTAMP|"
    r"Timestamp difference is out of bounds|Timestamp microseconds out of range|Could not convert Timestamp|"
    r"Unable to convert TIMESTAMPTZ to local)"
)
_CALLED_BACK = f"Python exception occurred while executing the UDF: ValueError: {ERROR_MARK}"
# What DuckDB says where Spark has a condition of its own.
_SAYINGS = {
    "More than one row returned by a subquery": (
        "SCALAR_SUBQUERY_TOO_MANY_ROWS",
        "21000",
        "SparkRuntimeException",
    ),
    "Map keys must be unique": ("DUPLICATED_MAP_KEY", "23505", "SparkRuntimeException"),
    "Map keys can not be NULL": ("NULL_MAP_KEY", "2200E", "SparkRuntimeException"),
}
_SPARK_NAMES = {
    "INT8": "TINYINT",
    "INT16": "SMALLINT",
    "INT32": "INT",
    "INT64": "BIGINT",
    "INT128": "DECIMAL",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
}


def translate(message: str) -> PySparkException | None:
    """Return Spark's error for the text of a DuckDB error, or None when the text says nothing that Spark says.

    Errors that a spelling raises itself (`error_sql`) carry their condition; arithmetic overflow, division by zero
    and narrowing casts are DuckDB's own errors, told apart by their text.
    """
    found = _translated(message)
    if found is not None and not found.parameters:
        from lightstream.functions.error_parameters import parameters_of

        found.parameters = parameters_of(found.condition, found.message)
    return found


def _translated(message: str) -> PySparkException | None:
    told = message.partition("Error: ")[2]
    if told.startswith((ERROR_MARK, _CALLED_BACK)) or message.startswith(ERROR_MARK):
        return _marked(message)
    division = _DIVISION.search(message)
    if division:  # before all else: the rest of the message is the text of the expression
        return by_zero("REMAINDER_BY_ZERO" if _operator(division.group(1)) == "%" else "DIVIDE_BY_ZERO")
    for text, (condition, sqlstate, kind) in _SAYINGS.items():
        if text in message:
            error: PySparkException = getattr(errors, kind)(condition, text, sqlstate=sqlstate)
            return error
    if "could not convert blob to UTF8 string" in message:
        return unsupported("A string of bytes that are not UTF-8")
    narrowing = _NARROWING.search(message)
    if narrowing:
        source, value, target = narrowing.group(1), narrowing.group(2), narrowing.group(3)
        if source is None:
            source, value, target = "DECIMAL", narrowing.group(4), narrowing.group(5)
        if source == "INT128":  # only sums are carried so wide
            return arithmetic_overflow("long overflow")
        return cast_overflow(value, _SPARK_NAMES.get(source, source), _SPARK_NAMES.get(target, target))
    decimal_range = _DECIMAL_RANGE.search(message)
    if decimal_range:
        value, precision, scale = [g for g in decimal_range.groups() if g is not None]
        return out_of_range(value, int(precision), int(scale))
    if "Overflow in" in message and "DECIMAL" in message:
        return ArithmeticException(
            "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
            f"A decimal does not fit into 38 digits: {message.splitlines()[0]}",
            sqlstate="22003",
        )
    overflow = _OVERFLOW.search(message)
    if overflow:
        detail = message.splitlines()[0].rpartition(": ")[2]
        if re.search(r" of INT(8|16) ", message) and "(0 - -" not in message:
            return ArithmeticException(
                "BINARY_ARITHMETIC_OVERFLOW", f"{detail} caused overflow. Use a `try_` function to ignore overflow "
                "problem and return NULL.", sqlstate="22003",
            )  # fmt: skip
        return arithmetic_overflow(detail)
    if _BEYOND.search(message):
        return unsupported("A date or timestamp that DuckDB cannot hold", message.splitlines()[0])
    return None


def _operator(expression: str) -> str:
    """Return the operator at the top of a division's text, which DuckDB prints as `(a // b)`."""
    depth, quoted = 0, False
    for at, char in enumerate(expression):
        if char == "'":
            quoted = not quoted
        elif not quoted:
            depth += (char == "(") - (char == ")")
            if depth == 1 and expression.startswith((" % ", " // "), at):
                return expression[at + 1 :].partition(" ")[0]
    return ""


def _marked(message: str) -> PySparkException | None:
    start = message.index(ERROR_MARK) + len(ERROR_MARK)
    try:
        payload, end = json.JSONDecoder().raw_decode(message[start:])
    except ValueError:
        return None
    value = message[start + end :]
    kind = getattr(errors, payload["kind"], PySparkException)
    text = payload["message"].replace("{}", value, 1)
    error: PySparkException = kind(payload["condition"], text, sqlstate=payload["sqlstate"] or None)
    return error


def by_zero(condition: str) -> ArithmeticException:
    """Return DIVIDE_BY_ZERO or REMAINDER_BY_ZERO."""
    return ArithmeticException(condition, BY_ZERO_MESSAGES[condition], sqlstate="22012")


BY_ZERO_MESSAGES = {
    "DIVIDE_BY_ZERO": "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead, or set "
    '"spark.sql.ansi.enabled" to "false" to bypass this error.',
    "REMAINDER_BY_ZERO": "Remainder by zero. Use `try_mod` to tolerate divisor being 0 and return NULL instead, or set "
    '"spark.sql.ansi.enabled" to "false" to bypass this error.',
}


def arithmetic_overflow(detail: str) -> ArithmeticException:
    """Return ARITHMETIC_OVERFLOW."""
    return ArithmeticException(
        "ARITHMETIC_OVERFLOW",
        f"{detail}. Use a wider type or the `try_` variant of the function to tolerate the overflow and return NULL, "
        'or set "spark.sql.ansi.enabled" to "false" to bypass this error.',
        sqlstate="22003",
    )


def cast_overflow(value: str, source: str, target: str) -> ArithmeticException:
    """Return CAST_OVERFLOW."""
    return ArithmeticException(
        "CAST_OVERFLOW",
        f'The value {value} of the type "{source}" cannot be cast to "{target}" due to an overflow. '
        "Use `try_cast` to tolerate overflow and return NULL instead.",
        sqlstate="22003",
    )


def out_of_range(value: str, precision: int, scale: int) -> ArithmeticException:
    """Return NUMERIC_VALUE_OUT_OF_RANGE for a decimal."""
    return ArithmeticException(
        "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION",
        f"{value} cannot be represented as Decimal({precision}, {scale}). "
        'If necessary set "spark.sql.ansi.enabled" to "false" to bypass this error, and return NULL instead.',
        sqlstate="22003",
    )
