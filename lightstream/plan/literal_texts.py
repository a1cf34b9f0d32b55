"""Constants as Spark prints them in names of columns and messages."""

from __future__ import annotations

import datetime
import decimal
import struct
from typing import Any

from lightstream.plan import expressions as e
from lightstream.plan import types as t


def shown_literal(literal: e.Literal) -> str:
    """Return a constant as its text in a query, where it has one of its own, or as Spark prints its value."""
    if literal.label is not None:
        return literal.label
    if literal.local is not None:
        return f"TIMESTAMP '{literal.local}'"
    return literal_text(literal.value, literal.type)


def literal_text(value: Any, data_type: t.DataType) -> str:
    """Return a constant as Spark prints it in a column name."""
    if value is None:
        return "NULL"
    match data_type:
        case t.BooleanType():
            return "true" if value else "false"
        case t.DoubleType():
            return java_double_text(value)
        case t.FloatType():
            return float_text(value)
        case t.DecimalType():
            number = decimal.Decimal(value)
            # Python's text of a decimal is Java's, but for those with fewer than no places.
            return f"{number:f}" if int(number.as_tuple().exponent) > 0 else str(number)
        case t.DateType():
            if not isinstance(value, datetime.date):
                value = datetime.date(1970, 1, 1) + datetime.timedelta(days=value)
            return f"DATE '{value.isoformat()}'"
        case t.TimestampType() | t.TimestampNTZType():
            word = "TIMESTAMP_NTZ" if isinstance(data_type, t.TimestampNTZType) else "TIMESTAMP"
            return f"{word} '{_timestamp_text(value)}'"
        case t.TimeType():
            return f"TIME '{_timestamp_text(value)[11:]}'"
        case t.BinaryType():
            return f"X'{bytes(value).hex().upper()}'"
        case t.YearMonthIntervalType() | t.DayTimeIntervalType():
            return interval_text(value, data_type)
        case t.ArrayType():
            return f"ARRAY({', '.join(literal_text(v, data_type.elementType) for v in value)})"
    return str(value)


def java_double_text(value: float) -> str:
    """Return a double as Java's `Double.toString` does: `3.356934E-4`, `1.0E10`, `0.1`."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(float(value))
        return text if "e" not in text else f"{value:f}"
    sign, digits, exponent = decimal.Decimal(repr(float(value))).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = int(exponent) + len(digits) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def float_text(value: float) -> str:
    """Return a 32-bit float as Java writes it, with as few digits as tell it from its neighbours."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
            return java_double_text(float(text))
    return java_double_text(value)


def _timestamp_text(us: int) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    text = moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}.{fraction}" if fraction else text


def interval_text(value: int, data_type: t.YearMonthIntervalType | t.DayTimeIntervalType) -> str:
    """Return an ANSI interval as Spark prints it: `INTERVAL '1 02:00:00' DAY TO SECOND`."""
    sign = "-" if value < 0 else ""
    value = abs(value)
    units = data_type._units
    start, end = units[data_type.startField], units[data_type.endField]
    if isinstance(data_type, t.YearMonthIntervalType):
        body = {"year": str(value // 12), "month": str(value % 12 if start == "year" else value)}
        text = body[start] if start == end else f"{body['year']}-{body['month']}"
    else:
        text = _day_time_text(value, data_type.startField, data_type.endField)
    suffix = start.upper() if start == end else f"{start.upper()} TO {end.upper()}"
    return f"INTERVAL '{sign}{text}' {suffix}"


def _day_time_text(us: int, start: int, end: int) -> str:
    sizes = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)
    rest, fields = us, []
    for position in range(start, end + 1):
        amount, rest = divmod(rest, sizes[position])
        fields.append(str(amount) if position == 0 else f"{amount:02d}")
    if end == 3 and rest:
        fields[-1] += f".{rest:06d}".rstrip("0")
    if start == 0:
        return fields[0] + (" " + ":".join(fields[1:]) if len(fields) > 1 else "")
    return ":".join(fields)
