"""What is in ORC files: the Spark types of their columns, and the columns that a Spark schema makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightstream.errors import unsupported
from lightstream.plan import types as t

if TYPE_CHECKING:
    import pyarrow as pa

_SPARK_TYPE = "spark.sql.catalyst.type"
"""The attribute in which Spark keeps what ORC has no type for."""


def spark_schema(schema: pa.Schema) -> t.StructType:
    """Return the schema that Spark gives a file.

    Raises:
        UnsupportedOperationException: a type that is not read here.
    """
    return t.StructType([t.StructField(field.name, _spark_type(field), True) for field in schema])


def _spark_type(field: pa.Field) -> t.DataType:
    import pyarrow as pa

    kind = field.type
    if pa.types.is_struct(kind):
        return t.StructType([t.StructField(f.name, _spark_type(f), True) for f in kind])
    if pa.types.is_list(kind):
        return t.ArrayType(_spark_type(kind.value_field), True)
    if pa.types.is_map(kind):
        return t.MapType(_spark_type(kind.key_field), _spark_type(kind.item_field), True)
    if pa.types.is_decimal(kind):
        return t.DecimalType(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return t.TimestampType()
    written = (field.metadata or {}).get(_SPARK_TYPE.encode())
    if written is not None and kind in (pa.int32(), pa.int64()):
        from lightstream.plan.ddl import parse_type

        return parse_type(written.decode())
    found = {
        pa.bool_(): t.BooleanType(), pa.int8(): t.ByteType(), pa.int16(): t.ShortType(), pa.int32(): t.IntegerType(),
        pa.int64(): t.LongType(), pa.float32(): t.FloatType(), pa.float64(): t.DoubleType(),
        pa.string(): t.StringType(), pa.large_string(): t.StringType(), pa.binary(): t.BinaryType(),
        pa.large_binary(): t.BinaryType(), pa.date32(): t.DateType(),
    }.get(kind)  # fmt: skip
    if found is None:
        raise unsupported(f"The ORC column {field.name} ({kind})")
    return found


def orc_field(field: t.StructField) -> pa.Field:
    """Return the column of a file for one of Spark's, as Spark makes it."""
    import pyarrow as pa

    data_type = field.dataType
    match data_type:
        case t.StructType():
            kind = pa.struct([orc_field(f) for f in data_type])
        case t.ArrayType():
            kind = pa.list_(orc_field(t.StructField("element", data_type.elementType)))
        case t.MapType():
            key, value = (
                t.StructField("key", data_type.keyType, False),
                t.StructField("value", data_type.valueType),
            )
            kind = pa.map_(orc_field(key), orc_field(value))
        case t.TimestampNTZType() | t.DayTimeIntervalType():
            kind = pa.int64()
        case t.TimestampType():
            kind = pa.timestamp("us")
        case _:
            from lightstream.sources.arrow_values import arrow_type

            kind = arrow_type(data_type, intervals=True)
    shown = isinstance(data_type, t.TimestampType | t.TimestampNTZType | t.AnsiIntervalType)
    metadata = {_SPARK_TYPE: data_type.simpleString()} if shown else None
    return pa.field(field.name, kind, field.name != "key" or field.nullable, metadata)
