"""How Spark's types, constants and errors are spelled in DuckDB SQL."""

from __future__ import annotations

import datetime
import decimal
import json
import re
from collections.abc import Callable
from typing import Any

from lightstream.errors import internal, unsupported
from lightstream.plan import types as t
from lightstream.plan.expressions import Literal

_DUCK_NAMES: dict[type[t.DataType], str] = {
    t.NullType: "INTEGER",
    t.BooleanType: "BOOLEAN",
    t.ByteType: "TINYINT",
    t.ShortType: "SMALLINT",
    t.IntegerType: "INTEGER",
    t.LongType: "BIGINT",
    t.FloatType: "FLOAT",
    t.DoubleType: "DOUBLE",
    t.StringType: "VARCHAR",
    t.CharType: "VARCHAR",
    t.VarcharType: "VARCHAR",
    t.BinaryType: "BLOB",
    t.DateType: "DATE",
    t.TimestampType: "TIMESTAMPTZ",
    t.TimestampNTZType: "TIMESTAMP",
    t.TimeType: "TIME",
    t.DayTimeIntervalType: "BIGINT",  # microseconds
    t.YearMonthIntervalType: "INTEGER",  # months
    t.CalendarIntervalType: "INTERVAL",
    t.VariantType: 'STRUCT("value" BLOB, metadata BLOB)',  # Spark's two texts of bytes (`lightstream.plan.variants`)
}
ERROR_MARK = "lightstream-error:"
# What the names of functions begin with that DuckDB calls back (`lightstream.execute.natives`).
NATIVE = "lightstream_native_"
_SIMPLE = re.compile(r'(?:"[^"]*"|\w+)(?:\."[^"]*"|\.\w+)*|\'[^\']{0,40}\'|-?\d+(?:\.\d+)?')


def quote(name: str) -> str:
    """Return a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_sql(value: str) -> str:
    """Return a string constant."""
    if "\0" in value:
        return " || chr(0) || ".join(text_sql(part) for part in value.split("\0")).join("()")
    return "'" + value.replace("'", "''") + "'"


def duck_type(data_type: t.DataType) -> str:
    """Return the DuckDB type that carries values of a Spark type.

    Day-time intervals are BIGINT microseconds and year-month intervals INTEGER months, so that they compare, add and
    sort exactly; a NULL of no type is INTEGER.
    """
    name = _DUCK_NAMES.get(type(data_type))
    if name is not None:
        return name
    if isinstance(data_type, t.DecimalType):
        return f"DECIMAL({data_type.precision},{data_type.scale})"
    if isinstance(data_type, t.ArrayType):
        return f"{duck_type(data_type.elementType)}[]"
    if isinstance(data_type, t.MapType):
        return f"MAP({duck_type(data_type.keyType)}, {duck_type(data_type.valueType)})"
    if isinstance(data_type, t.StructType):
        if not data_type.fields:
            raise unsupported("A struct without fields")
        return "STRUCT(" + ", ".join(f"{quote(f.name)} {duck_type(f.dataType)}" for f in data_type) + ")"
    raise unsupported(f"The data type {data_type.simpleString()}")


def let(sql: str, body: Callable[[str], str], name: str = "v") -> str:
    """Return `body` of a text that is evaluated once: a short one is repeated, anything longer is bound.

    DuckDB evaluates equal texts once anyway; binding keeps the statement from growing. Nested bindings need names of
    their own.
    """
    if len(sql) <= 60 or _SIMPLE.fullmatch(sql):
        return body(sql)
    return f"list_transform([{sql}], lambda ls_{name}: {body(f'ls_{name}')})[1]"


def literal_sql(literal: Literal) -> str:
    """Return a constant in DuckDB SQL, with its exact type."""
    return _value_sql(literal.value, literal.type)


def _value_sql(value: Any, data_type: t.DataType) -> str:
    name = duck_type(data_type)
    if value is None:
        return f"CAST(NULL AS {name})"
    match data_type:
        case t.BooleanType():
            return "TRUE" if value else "FALSE"
        case t.IntegerType():
            return f"({value})" if value < 0 else str(value)
        case (
            t.ByteType() | t.ShortType() | t.LongType() | t.DayTimeIntervalType() | t.YearMonthIntervalType()
        ):
            return f"CAST({value} AS {name})"
        case t.DoubleType() | t.FloatType():
            return f"CAST('{_float_text(value)}' AS {name})"
        case t.DecimalType():
            return f"CAST('{decimal.Decimal(value):f}' AS {name})"
        case t.StringType() | t.CharType() | t.VarcharType():
            return text_sql(value)
        case t.BinaryType():
            return "from_hex('" + bytes(value).hex() + "')"
        case t.DateType():
            if isinstance(value, datetime.date):
                value = (value - datetime.date(1970, 1, 1)).days
            return f"(DATE '1970-01-01' + CAST({int(value)} AS INTEGER))"
        case t.TimestampType():
            return f"make_timestamptz(CAST({value} AS BIGINT))"
        case t.TimestampNTZType():
            return f"make_timestamp(CAST({value} AS BIGINT))"
        case t.TimeType():
            return f"CAST(TIME '00:00:00' + to_microseconds({value}) AS TIME)"
        case t.ArrayType():
            items = ", ".join(_value_sql(v, data_type.elementType) for v in value)
            return f"CAST([{items}] AS {name})"
        case t.StructType():
            pairs = zip(data_type.fields, value, strict=True)
            return "{" + ", ".join(f"{text_sql(f.name)}: {_value_sql(v, f.dataType)}" for f, v in pairs) + "}"
        case t.MapType():
            keys = ", ".join(_value_sql(k, data_type.keyType) for k, _ in value)
            values = ", ".join(_value_sql(v, data_type.valueType) for _, v in value)
            return f"CAST(map([{keys}], [{values}]) AS {name})"
        case t.CalendarIntervalType():
            months, days, us = value
            return f"(to_months({months}) + to_days({days}) + to_microseconds({us}))"
    raise internal(f"no spelling for a constant of type {data_type.simpleString()}")


def _float_text(value: float) -> str:
    if value != value:
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def error_sql(condition: str | None, message: str, sqlstate: str, kind: str = "ArithmeticException") -> str:
    """Return a call that fails the statement with a Spark condition when it is evaluated.

    `kind` names the class in `lightstream.errors`. `errors.translate` decodes the marked text of the DuckDB error.
    """
    return f"error({text_sql(failure_text(condition, message, sqlstate, kind))})"


def failure_text(condition: str | None, message: str, sqlstate: str, kind: str) -> str:
    """Return the text of an error that stands for one of Spark's."""
    payload = json.dumps({"condition": condition, "message": message, "sqlstate": sqlstate, "kind": kind})
    return ERROR_MARK + payload


def native_sql(name: str, *args: str) -> str:
    """Return the call of a function of ours that DuckDB calls back."""
    return f"{NATIVE}{name}({', '.join(args)})"


def error_with_value_sql(condition: str, message: str, value_sql: str, sqlstate: str, kind: str) -> str:
    """Like `error_sql`; `{}` in the message is replaced by a VARCHAR expression's value at run time.

    Where the value is NULL there is no error and the result is NULL.
    """
    return f"error({text_sql(failure_text(condition, message, sqlstate, kind))} || {value_sql})"
