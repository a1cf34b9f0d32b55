"""Python values as constants of an expression."""

from __future__ import annotations

import datetime
import decimal
import enum
import sys
import time
from typing import Any

from lightstream.errors import PySparkTypeError, PySparkValueError
from lightstream.plan import types as t
from lightstream.plan.expressions import Expression, Literal, UnresolvedFunction

_EPOCH_NAIVE = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)


def literal(value: Any) -> Expression:
    """Return the constant for a Python value, with the type that Spark gives it.

    Raises:
        PySparkTypeError: UNSUPPORTED_DATA_TYPE for a value that has no Spark type.
    """
    found = _scalar(value)
    if found is not None:
        return found
    if isinstance(value, enum.Enum):
        return literal(value.value)
    if isinstance(value, list):
        return UnresolvedFunction("array", tuple(map(_element, value)))
    if (numpy := sys.modules.get("numpy")) is not None:
        if isinstance(value, numpy.generic):
            return _numpy_scalar(value)
        if isinstance(value, numpy.ndarray) and value.ndim == 1:
            return UnresolvedFunction("array", tuple(map(_element, value)))
    raise PySparkTypeError(
        "UNSUPPORTED_DATA_TYPE",
        f"A value of the type `{type(value).__name__}` cannot be a constant.",
        sqlstate="0A000",
        parameters={"data_type": type(value).__name__},
    )


def _element(value: Any) -> Expression:
    from lightstream.sql.column import Column

    return value._expression if isinstance(value, Column) else literal(value)


def _scalar(value: Any) -> Literal | None:
    match value:
        case None:
            return Literal(None, t.NullType())
        case enum.Enum():
            return None
        case bool():
            return Literal(value, t.BooleanType())
        case int():
            return Literal(int(value), _integer_type(value))
        case float():
            return Literal(float(value), t.DoubleType())
        case str():
            return Literal(str(value), t.StringType())
        case bytes() | bytearray():
            return Literal(bytes(value), t.BinaryType())
        case decimal.Decimal():
            return Literal(value, decimal_type_of(value))
        case datetime.datetime():
            return Literal(timestamp_us(value), t.TimestampType())
        case datetime.date():
            return Literal(value, t.DateType())
        case datetime.timedelta():
            return Literal(value // _MICROSECOND, t.DayTimeIntervalType())
        case datetime.time():
            return Literal(time_us(value), t.TimeType(6))
    return None


def _integer_type(value: int) -> t.DataType:
    if -(2**31) <= value < 2**31:
        return t.IntegerType()
    if -(2**63) <= value < 2**63:
        return t.LongType()
    raise PySparkValueError(
        "VALUE_OUT_OF_BOUNDS",
        f"The whole number {value} does not fit into a BIGINT. Give it as a decimal.Decimal.",
        parameters={
            "arg_name": "value",
            "lower_bound": str(-(2**63)),
            "upper_bound": str(2**63 - 1),
            "actual": str(value),
        },
    )


_NUMPY_TYPES: dict[str, t.DataType] = {
    "int8": t.ByteType(), "int16": t.ShortType(), "int32": t.IntegerType(), "int64": t.LongType(),
    "float32": t.FloatType(), "float64": t.DoubleType(), "bool": t.BooleanType(),
}  # fmt: skip


def _numpy_scalar(value: Any) -> Expression:
    known = _NUMPY_TYPES.get(value.dtype.name)
    python = value.item()
    return literal(python) if known is None else Literal(python, known)


def decimal_type_of(value: decimal.Decimal) -> t.DecimalType:
    """Return the narrowest decimal type that holds a value.

    Raises:
        PySparkValueError: NaN, infinity, or more than 38 digits.
    """
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise PySparkValueError(
            "NUMERIC_VALUE_OUT_OF_RANGE", f"{value} is not a number that a DECIMAL holds."
        )
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale, 1)
    if precision > 38:
        raise PySparkValueError(
            "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
            f"Decimal precision {precision} exceeds max precision 38.",
            sqlstate="22003",
            parameters={"precision": str(precision), "maxPrecision": "38"},
        )
    return t.DecimalType(precision, scale)


def timestamp_us(value: datetime.datetime) -> int:
    """Return a moment in microseconds since the epoch; one without a time zone is in the machine's."""
    if value.tzinfo is not None:
        return (value - _EPOCH_NAIVE.replace(tzinfo=datetime.UTC)) // _MICROSECOND
    seconds = time.mktime(value.timetuple())
    return int(seconds) * 1_000_000 + value.microsecond


def ntz_us(value: datetime.datetime) -> int:
    """Return a local date and time in microseconds since 1970-01-01 00:00, its time zone left out."""
    if value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    return (value - _EPOCH_NAIVE) // _MICROSECOND


def time_us(value: datetime.time) -> int:
    """Return a time of day in microseconds since midnight."""
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
