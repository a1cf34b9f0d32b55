"""The schema of Python rows, by Spark's rules of inference."""

from __future__ import annotations

import array
import datetime
import decimal
from collections.abc import Sequence
from typing import Any

from lightstream.errors import PySparkIndexError, PySparkTypeError, PySparkValueError
from lightstream.plan import types as t
from lightstream.sql.variant_val import VariantVal

_TYPES: dict[type, t.DataType] = {
    type(None): t.NullType(), bool: t.BooleanType(), int: t.LongType(), float: t.DoubleType(), str: t.StringType(),
    bytearray: t.BinaryType(), bytes: t.BinaryType(), decimal.Decimal: t.DecimalType(38, 18),
    datetime.date: t.DateType(), datetime.datetime: t.TimestampType(), datetime.time: t.TimeType(),
    datetime.timedelta: t.DayTimeIntervalType(), VariantVal: t.VariantType(),
}  # fmt: skip
_ARRAY_TYPES: dict[str, t.DataType] = {
    "b": t.ByteType(), "h": t.ShortType(), "i": t.IntegerType(), "l": t.LongType(), "q": t.LongType(),
    "B": t.ShortType(), "H": t.IntegerType(), "I": t.LongType(), "f": t.FloatType(), "d": t.DoubleType(),
}  # fmt: skip


def infer_schema(rows: Sequence[Any], timestamp_ntz: bool) -> t.StructType:
    """Return the schema that all rows fit.

    Raises:
        PySparkValueError: CANNOT_INFER_EMPTY_SCHEMA, CANNOT_DETERMINE_TYPE (only NULLs in a column).
        PySparkTypeError: CANNOT_INFER_SCHEMA_FOR_TYPE, CANNOT_MERGE_TYPE.
    """
    if not rows:
        raise empty_schema()
    schema: t.DataType = row_schema(rows[0], timestamp_ntz)
    for row in rows[1:]:
        schema = merge(schema, row_schema(row, timestamp_ntz))
    if t.holds(schema, t.NullType):
        raise PySparkValueError(
            "CANNOT_DETERMINE_TYPE",
            "Some of types cannot be determined after inferring: a column holds nothing but None. Give a schema.",
        )
    assert isinstance(schema, t.StructType)
    return schema


def empty_schema() -> PySparkValueError:
    """Return CANNOT_INFER_EMPTY_SCHEMA."""
    return PySparkValueError(
        "CANNOT_INFER_EMPTY_SCHEMA",
        "Can not infer schema from an empty dataset. Give a schema.",
        sqlstate="42K09",
    )


def renamed(schema: t.StructType, names: Sequence[str]) -> t.StructType:
    """Return a schema with its first fields renamed."""
    if len(names) > len(schema.fields):
        raise PySparkIndexError(
            "LENGTH_SHOULD_BE_THE_SAME",
            f"The schema names {len(names)} columns, and the rows have {len(schema.fields)}.",
            parameters={
                "arg1": "schema",
                "arg2": "data",
                "arg1_length": str(len(names)),
                "arg2_length": str(len(schema.fields)),
            },
        )
    fields = [
        t.StructField(names[i] if i < len(names) else f.name, f.dataType, f.nullable)
        for i, f in enumerate(schema.fields)
    ]
    return t.StructType(fields)


def row_schema(row: Any, timestamp_ntz: bool) -> t.StructType:
    """Return the schema of one row: a dict, tuple, list, named tuple, Row, or an object with attributes."""
    items: list[tuple[str, Any]]
    if isinstance(row, dict):
        items = sorted(row.items())
    elif isinstance(row, tuple | list):
        found = getattr(row, "__fields__", None) or getattr(row, "_fields", None)
        if found is None:
            found = [f"_{i + 1}" for i in range(len(row))]
        items = list(zip(found, row, strict=False))
    elif hasattr(row, "__dict__"):
        items = sorted(row.__dict__.items())
    else:
        raise PySparkTypeError(
            "CANNOT_INFER_SCHEMA_FOR_TYPE",
            f"Can not infer schema for type: `{type(row).__name__}`.",
            sqlstate="42K09",
            parameters={"data_type": type(row).__name__},
        )
    fields = []
    for name, value in items:
        try:
            fields.append(t.StructField(name, infer_type(value, timestamp_ntz)))
        except PySparkTypeError as error:
            raise PySparkTypeError(
                "CANNOT_INFER_TYPE_FOR_FIELD",
                f"Unable to infer the type of the field `{name}`: {error}",
                sqlstate="42K09",
                parameters={"field_name": name},
            ) from None
    return t.StructType(fields)


def infer_type(value: Any, timestamp_ntz: bool) -> t.DataType:
    """Return the type of a Python value."""
    known = _TYPES.get(type(value))
    if known is not None:
        return t.TimestampNTZType() if timestamp_ntz and isinstance(known, t.TimestampType) else known
    if isinstance(value, dict):
        key: t.DataType = t.NullType()
        item: t.DataType = t.NullType()
        for k, v in value.items():
            if k is not None and v is not None:
                key, item = (
                    merge(key, infer_type(k, timestamp_ntz)),
                    merge(item, infer_type(v, timestamp_ntz)),
                )
        return t.MapType(key, item)
    if isinstance(value, list):
        element: t.DataType = t.NullType()
        for v in value:
            element = merge(element, infer_type(v, timestamp_ntz))
        return t.ArrayType(element)
    if isinstance(value, array.array) and value.typecode in _ARRAY_TYPES:
        return t.ArrayType(_ARRAY_TYPES[value.typecode], False)
    try:
        return row_schema(value, timestamp_ntz)
    except PySparkTypeError:
        raise PySparkTypeError(
            "UNSUPPORTED_DATA_TYPE",
            f"Unsupported DataType `{type(value).__name__}`.",
            sqlstate="0A000",
            parameters={"data_type": type(value).__name__},
        ) from None


def merge(left: t.DataType, right: t.DataType) -> t.DataType:
    """Return the type that values of both types fit.

    Spark: anything atomic and text make text; numbers of different kinds do not go together.
    """
    if isinstance(left, t.NullType):
        return right
    if isinstance(right, t.NullType):
        return left
    if isinstance(left, t.TimestampType | t.TimestampNTZType) and isinstance(
        right, t.TimestampType | t.TimestampNTZType
    ):
        return left if isinstance(left, t.TimestampType) else right
    if isinstance(left, t.AtomicType) and isinstance(right, t.StringType):
        return right
    if isinstance(left, t.StringType) and isinstance(right, t.AtomicType):
        return left
    match left, right:
        case t.StructType(), t.StructType():
            others = {f.name: f.dataType for f in right.fields}
            fields = [
                t.StructField(f.name, merge(f.dataType, others.get(f.name, t.NullType())))
                for f in left.fields
            ]
            known = set(left.names)
            fields += [t.StructField(f.name, f.dataType) for f in right.fields if f.name not in known]
            return t.StructType(fields)
        case t.ArrayType(), t.ArrayType():
            return t.ArrayType(merge(left.elementType, right.elementType))
        case t.MapType(), t.MapType():
            return t.MapType(merge(left.keyType, right.keyType), merge(left.valueType, right.valueType))
    if type(left) is not type(right):
        raise PySparkTypeError(
            "CANNOT_MERGE_TYPE",
            f"Can not merge type `{type(left).__name__}` and `{type(right).__name__}`.",
            sqlstate="42K09",
            parameters={"data_type1": type(left).__name__, "data_type2": type(right).__name__},
        )
    return left
