"""Results as Python sees them: tuples to Rows, Arrow tables with Spark's types, pandas frames."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkNotImplementedError, unsupported
from lightstream.execute.show import map_entries, struct_values
from lightstream.plan import types as t
from lightstream.sql.row import Row, row_of
from lightstream.sql.variant_val import VariantVal

if TYPE_CHECKING:
    import pyarrow

Converter = Callable[[Any], Any]


def to_rows(tuples: Iterable[tuple[Any, ...]], schema: t.StructType) -> list[Row]:
    """Return Rows of the tuples of a result.

    Spark: timestamps become naive datetimes in the machine's time zone, whatever the session's is.
    """
    names = schema.names
    converters = [converter(field.dataType) for field in schema.fields]
    if not any(converters):
        return [row_of(names, values) for values in tuples]
    changed = [(i, convert) for i, convert in enumerate(converters) if convert is not None]
    rows = []
    for values in tuples:
        new = list(values)
        for i, convert in changed:
            if new[i] is not None:
                new[i] = convert(new[i])
        rows.append(row_of(names, new))
    return rows


def converter(data_type: t.DataType) -> Converter | None:
    """Return the function from a result's value (never None) to pyspark's, None where they are the same."""
    if isinstance(data_type, t.TimestampType):
        return _local_datetime
    if isinstance(data_type, t.DayTimeIntervalType):
        return lambda us: datetime.timedelta(microseconds=us)
    if isinstance(data_type, t.StructType):
        parts = [_optional(converter(field.dataType)) for field in data_type.fields]
        names = data_type.names
        return lambda value: row_of(
            names, [part(v) for part, v in zip(parts, struct_values(value, names), strict=True)]
        )
    if isinstance(data_type, t.ArrayType):
        inner = converter(data_type.elementType)
        if inner is None:
            return list
        element = _optional(inner)
        return lambda value: [element(v) for v in value]
    if isinstance(data_type, t.MapType):
        key, item = _optional(converter(data_type.keyType)), _optional(converter(data_type.valueType))
        return lambda value: {key(k): item(v) for k, v in map_entries(value)}
    if isinstance(data_type, t.VariantType):
        return variant_of
    if isinstance(data_type, t.YearMonthIntervalType | t.CalendarIntervalType):
        name = type(data_type).__name__
        raise PySparkNotImplementedError(
            "NOT_IMPLEMENTED",
            f"Python has no value for {name}. Cast the column to a string or a number.",
            sqlstate="0A000",
            parameters={"feature": f"{name}.fromInternal"},
        )
    return None


def variant_of(value: dict[str, bytes]) -> VariantVal:
    """Return a variant as DuckDB gives it, as pyspark's."""
    return VariantVal(bytearray(value["value"]), bytearray(value["metadata"]))


def _optional(convert: Converter | None) -> Converter:
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value)


def _local_datetime(value: int | datetime.datetime) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value.astimezone().replace(tzinfo=None)
    return datetime.datetime.fromtimestamp(value // 1_000_000).replace(microsecond=value % 1_000_000)


# ---- Arrow and pandas -----------------------------------------------------------------------------------------


def arrow_type(data_type: t.DataType, carried: bool = False, zone: str = "UTC") -> pyarrow.DataType:
    """Return the Arrow type that Spark gives values of a type, or with `carried` the one that DuckDB is given."""
    import pyarrow as pa

    match data_type:
        case t.StructType():
            return pa.struct(
                [
                    pa.field(f.name, arrow_type(f.dataType, carried, zone), f.nullable)
                    for f in data_type.fields
                ]
            )
        case t.ArrayType():
            element = arrow_type(data_type.elementType, carried, zone)
            return pa.list_(pa.field("element", element, data_type.containsNull))
        case t.MapType():
            item = pa.field(
                "value", arrow_type(data_type.valueType, carried, zone), data_type.valueContainsNull
            )
            return pa.map_(pa.field("key", arrow_type(data_type.keyType, carried, zone), False), item)
        case t.DecimalType():
            return pa.decimal128(data_type.precision, data_type.scale)
        case t.VariantType():
            return _variant_arrow_type(carried)
    if carried and isinstance(data_type, t.DayTimeIntervalType | t.NullType):
        return pa.int64() if isinstance(data_type, t.DayTimeIntervalType) else pa.int32()
    name = _ARROW_NAMES.get(type(data_type))
    if name is None:
        raise unsupported(f"The type {data_type.simpleString()} in an Arrow table")
    if name == "timestamp":
        return pa.timestamp("us", zone if isinstance(data_type, t.TimestampType) else None)
    if name in ("duration", "time64"):
        return getattr(pa, name)("us")
    return getattr(pa, name)()


def _variant_arrow_type(carried: bool) -> pyarrow.DataType:
    import pyarrow as pa

    mark = None if carried else {"variant": "true"}  # by which pyspark knows that a struct is one
    fields = [pa.field("value", pa.binary(), carried), pa.field("metadata", pa.binary(), carried, mark)]
    return pa.struct(fields)


_ARROW_NAMES: dict[type[t.DataType], str] = {
    t.NullType: "null", t.BooleanType: "bool_", t.ByteType: "int8", t.ShortType: "int16", t.IntegerType: "int32",
    t.LongType: "int64", t.FloatType: "float32", t.DoubleType: "float64", t.StringType: "string",
    t.CharType: "string", t.VarcharType: "string", t.BinaryType: "binary", t.DateType: "date32",
    t.TimestampType: "timestamp", t.TimestampNTZType: "timestamp", t.TimeType: "time64",
    t.DayTimeIntervalType: "duration",
}  # fmt: skip


def to_arrow(table: pyarrow.Table, schema: t.StructType, zone: str = "UTC") -> pyarrow.Table:
    """Return a result's Arrow table with Spark's types and nullability.

    `zone` is that of its instants: UTC in a result, the session's in what a Python function is given.
    """
    import pyarrow as pa

    fields = [pa.field(f.name, arrow_type(f.dataType, zone=zone), f.nullable) for f in schema.fields]
    if not fields:
        return table.select([])
    columns = [as_type(column, field.type) for column, field in zip(table.columns, fields, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def as_type(column: Any, wanted: Any) -> Any:
    """Return an Arrow column in another type, or refuse values that the type cannot hold."""
    import pyarrow as pa

    if str(column.type) == str(wanted):  # types that are equal may differ in the names of a list's elements
        return column
    if pa.types.is_null(wanted):
        return pa.nulls(len(column))
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_struct(wanted) and pa.types.is_struct(column.type):
        parts = [as_type(column.field(i), wanted.field(i).type) for i in range(wanted.num_fields)]
        parts = [part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part for part in parts]
        mask = column.is_null()
        return pa.StructArray.from_arrays(parts, fields=list(wanted), mask=mask)
    return column.cast(wanted)
