"""Python values checked against a schema, and changed into what DuckDB is given."""

from __future__ import annotations

import array
import datetime
import decimal
from collections.abc import Callable
from typing import Any

from lightstream.errors import (
    ArithmeticException,
    IllegalArgumentException,
    PySparkTypeError,
    PySparkValueError,
    unsupported,
)
from lightstream.plan import types as t
from lightstream.sql.literals import ntz_us, timestamp_us
from lightstream.sql.variant_val import VariantVal

Check = Callable[[Any], None]
Convert = Callable[[Any], Any]

# Spark: exactly these Python types; a subclass is refused.
_ACCEPTED: dict[type[t.DataType], tuple[type, ...]] = {
    t.BooleanType: (bool,), t.ByteType: (int,), t.ShortType: (int,), t.IntegerType: (int,), t.LongType: (int,),
    t.FloatType: (float,), t.DoubleType: (float,), t.DecimalType: (decimal.Decimal,), t.BinaryType: (bytearray, bytes),
    t.DateType: (datetime.date, datetime.datetime), t.TimestampType: (datetime.datetime,),
    t.TimestampNTZType: (datetime.datetime,), t.DayTimeIntervalType: (datetime.timedelta,),
    t.TimeType: (datetime.time,), t.ArrayType: (list, tuple, array.array), t.MapType: (dict,),
    t.NullType: (),
}  # fmt: skip
_BITS: dict[type[t.DataType], int] = {t.ByteType: 8, t.ShortType: 16, t.IntegerType: 32, t.LongType: 64}


# ---- checks ---------------------------------------------------------------------------------------------------


def checker(data_type: t.DataType, nullable: bool = True, name: str | None = None) -> Check:
    """Return the function that raises Spark's error for a value that does not fit a type."""
    inner = _value_checker(data_type, name)

    def check(value: Any) -> None:
        if value is not None:
            inner(value)
        elif not nullable:
            raise _not_nullable(name)

    return check


def _value_checker(data_type: t.DataType, name: str | None) -> Check:
    if isinstance(data_type, t.StringType):
        return lambda value: None
    if isinstance(data_type, t.StructType):
        return _struct_checker(data_type, name)
    if isinstance(data_type, t.VariantType):
        return _check_variant
    accepted = _ACCEPTED.get(type(data_type))
    if accepted is None:
        raise unsupported(f"A value of the type {data_type.simpleString()} from Python")

    def check_kind(value: Any) -> None:
        if type(value) not in accepted:
            raise _unacceptable(data_type, value, name)

    bits = _BITS.get(type(data_type))
    if bits is not None:
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

        def check_range(value: Any) -> None:
            check_kind(value)
            if not low <= value <= high:
                raise PySparkValueError(
                    "VALUE_OUT_OF_BOUNDS",
                    f"Value for `obj` must be between {low} and {high} (inclusive), got {value}",
                    parameters={
                        "arg_name": "obj",
                        "lower_bound": str(low),
                        "upper_bound": str(high),
                        "actual": str(value),
                    },
                )

        return check_range
    if isinstance(data_type, t.ArrayType):
        element = checker(data_type.elementType, data_type.containsNull, _inside("element in array", name))

        def check_array(value: Any) -> None:
            check_kind(value)
            for item in value:
                element(item)

        return check_array
    if isinstance(data_type, t.MapType):
        key = checker(data_type.keyType, False, _inside("key of map", name))
        item = checker(data_type.valueType, data_type.valueContainsNull, _inside("value of map", name))

        def check_map(value: Any) -> None:
            check_kind(value)
            for k, v in value.items():
                key(k)
                item(v)

        return check_map
    return check_kind


def _check_variant(value: Any) -> None:
    if not isinstance(value, VariantVal):
        raise AssertionError  # as in Spark, without a word


def _struct_checker(data_type: t.StructType, name: str | None) -> Check:
    checks = [
        (f.name, checker(f.dataType, f.nullable, f"field {f.name}" + (f" in {name}" if name else "")))
        for f in data_type.fields
    ]

    def check_struct(value: Any) -> None:
        if isinstance(value, dict):
            for field, check in checks:
                check(value.get(field))
        elif isinstance(value, tuple | list):
            if len(value) != len(checks):
                raise _wrong_length(len(value), len(checks), name)
            for item, (_, check) in zip(value, checks, strict=True):
                check(item)
        elif hasattr(value, "__dict__"):
            for field, check in checks:
                check(value.__dict__.get(field))
        else:
            raise _unacceptable(data_type, value, name)

    return check_struct


def _inside(what: str, name: str | None) -> str:
    return f"{what} {name}" if name else what


def _not_nullable(name: str | None) -> PySparkValueError:
    suffix = "_WITH_NAME" if name else ""
    return PySparkValueError(
        f"FIELD_NOT_NULLABLE{suffix}",
        f"{name + ': ' if name else ''}This field is not nullable, but got None.",
        parameters={"field_name": name} if name else {},
    )


def _unacceptable(data_type: t.DataType, value: Any, name: str | None) -> PySparkTypeError:
    parameters = {"data_type": repr(data_type), "obj": repr(value), "obj_type": str(type(value))}
    if name:
        parameters["field_name"] = name
    return PySparkTypeError(
        "FIELD_DATA_TYPE_UNACCEPTABLE" + ("_WITH_NAME" if name else ""),
        f"{name + ': ' if name else ''}{data_type!r} can not accept object {value!r} in type {type(value)}.",
        parameters=parameters,
    )


def _wrong_length(found: int, expected: int, name: str | None) -> PySparkValueError:
    parameters = {"object_length": str(found), "field_length": str(expected)}
    if name:
        parameters["field_name"] = name
    return PySparkValueError(
        "FIELD_STRUCT_LENGTH_MISMATCH" + ("_WITH_NAME" if name else ""),
        f"{name + ': ' if name else ''}Length of object ({found}) does not match with length of fields ({expected}).",
        parameters=parameters,
    )


# ---- conversion -----------------------------------------------------------------------------------------------


def column_converters(schema: t.StructType) -> list[Convert]:
    """Return a function for each column from a Python value to what the Arrow table takes.

    Spark: a value of another kind, possible only without verification, becomes NULL.
    """
    return [_optional(_converter(field.dataType)) for field in schema.fields]


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _converter(data_type: t.DataType) -> Convert:
    if isinstance(data_type, t.StringType):
        return _text
    bits = _BITS.get(type(data_type))
    if bits is not None:
        return lambda value: _whole(value, bits)
    match data_type:
        case t.StructType():
            parts = [_optional(_converter(f.dataType)) for f in data_type.fields]
            names = data_type.names
            return lambda value: {
                n: part(v) for n, part, v in zip(names, parts, row_values(value, names), strict=True)
            }
        case t.ArrayType():
            element = _optional(_converter(data_type.elementType))
            return lambda value: [element(v) for v in value]
        case t.MapType():
            key, item = _converter(data_type.keyType), _optional(_converter(data_type.valueType))
            return lambda value: [(key(k), item(v)) for k, v in value.items()]
        case t.DecimalType():
            return lambda value: _decimal(value, data_type)
        case t.VariantType():
            return lambda value: {"value": bytes(value.value), "metadata": bytes(value.metadata)}
    accepted = _ACCEPTED.get(type(data_type), ())
    change = _CHANGES.get(type(data_type))

    def convert(value: Any) -> Any:
        if not isinstance(value, accepted):
            return None
        return value if change is None else change(value)

    return convert


_CHANGES: dict[type[t.DataType], Convert] = {
    t.TimestampType: timestamp_us,
    t.TimestampNTZType: ntz_us,
    t.DayTimeIntervalType: lambda value: value // datetime.timedelta(microseconds=1),
    t.DateType: lambda value: value.date() if isinstance(value, datetime.datetime) else value,
    t.BinaryType: bytes,
}


def row_values(row: Any, names: list[str]) -> list[Any]:
    """Return the values of a row by the names, or by position for tuples and lists.

    Raises:
        IllegalArgumentException: STRUCT_ARRAY_LENGTH_MISMATCH.
    """
    if isinstance(row, dict):
        return [row.get(name) for name in names]
    if isinstance(row, tuple | list):
        if len(row) != len(names):
            raise IllegalArgumentException(
                "STRUCT_ARRAY_LENGTH_MISMATCH",
                f"Input row doesn't have expected number of values required by the schema. {len(names)} fields are "
                f"required while {len(row)} values are provided.",
                sqlstate="2201E",
                parameters={"expected": str(len(names)), "actual": str(len(row))},
            )
        return list(row)
    return [row.__dict__.get(name) for name in names]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _whole(value: Any, bits: int) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    half = 1 << (bits - 1)
    if -half <= value < half:
        return value
    # Spark: a number that does not fit wraps around, or is NULL where even 64 bits are too few.
    if not -(1 << 63) <= value < 1 << 63:
        return None
    return (value + half) % (1 << bits) - half


def _decimal(value: Any, data_type: t.DecimalType) -> decimal.Decimal | None:
    if not isinstance(value, decimal.Decimal):
        return None
    with decimal.localcontext() as context:
        context.prec = 80
        rounded = value.quantize(decimal.Decimal(1).scaleb(-data_type.scale), decimal.ROUND_HALF_UP)
    if len(rounded.as_tuple().digits) > data_type.precision and rounded:
        raise ArithmeticException(
            "NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION",
            f"The {rounded} rounded half up from {value} cannot be represented as "
            f"Decimal({data_type.precision}, {data_type.scale}).",
            sqlstate="22003",
            parameters={
                "roundedValue": str(rounded),
                "originalValue": str(value),
                "precision": str(data_type.precision),
                "scale": str(data_type.scale),
            },
        )
    return rounded
