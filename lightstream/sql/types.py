"""`pyspark.sql.types`: the data types, Row, and the names that user code takes from pyspark's module."""

from __future__ import annotations

from typing import Any

from lightstream.plan.types import (
    AnsiIntervalType,
    ArrayType,
    AtomicType,
    BinaryType,
    BooleanType,
    ByteType,
    CalendarIntervalType,
    CharType,
    DataType,
    DatetimeType,
    DateType,
    DayTimeIntervalType,
    DecimalType,
    DoubleType,
    FloatType,
    FractionalType,
    IntegerType,
    IntegralType,
    LongType,
    MapType,
    NullType,
    NumericType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
    TimeType,
    VarcharType,
    VariantType,
    YearMonthIntervalType,
)
from lightstream.sql.row import Row, row_of
from lightstream.sql.unsupported import refused_class
from lightstream.sql.variant_val import VariantVal

__all__ = [
    "ArrayType", "BinaryType", "BooleanType", "ByteType", "CalendarIntervalType", "CharType", "DataType", "DateType",
    "DayTimeIntervalType", "DecimalType", "DoubleType", "FloatType", "Geography", "GeographyType", "Geometry",
    "GeometryType", "IntegerType", "LongType", "MapType", "NullType", "Row", "ShortType", "StringType", "StructField",
    "StructType", "TimeType", "TimestampNTZType", "TimestampType", "VarcharType", "VariantType", "VariantVal",
    "YearMonthIntervalType",
]  # fmt: skip

# Named by user code and by the library, though not part of `import *`.
_UNLISTED = (AnsiIntervalType, AtomicType, DatetimeType, FractionalType, IntegralType, NumericType)

Geography = refused_class("Geography")
GeographyType = refused_class("GeographyType")
Geometry = refused_class("Geometry")
GeometryType = refused_class("GeometryType")
UserDefinedType = refused_class("UserDefinedType")


def _parse_datatype_string(s: str) -> DataType:
    """Return the type or schema of a DDL text."""
    return DataType.fromDDL(s)


def _parse_datatype_json_string(json_string: str) -> DataType:
    """Return the type of a JSON text."""
    from lightstream.plan.type_texts import from_json_text

    return from_json_text(json_string)


def _create_row(fields: Any, values: Any) -> Row:
    """Return a row with the given names and values."""
    return row_of(list(fields), values)
