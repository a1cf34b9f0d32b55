"""Arrow's types for Spark's, and columns that are made anew value by value, nested ones from their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.plan import types as t

if TYPE_CHECKING:
    import pyarrow as pa

Leaf = Callable[["pa.Array", t.DataType, t.DataType], "pa.Array"]
"""Makes a column without parts, of one type, one of another."""


def arrow_type(data_type: t.DataType, intervals: bool = False) -> pa.DataType:
    """Return the Arrow type that holds a Spark type exactly; of intervals, if they are asked for, their number.

    Raises:
        KeyError: there is none.
    """
    import pyarrow as pa

    if isinstance(data_type, t.StructType):
        return pa.struct([pa.field(f.name, arrow_type(f.dataType, intervals)) for f in data_type.fields])
    if isinstance(data_type, t.ArrayType):
        return pa.list_(arrow_type(data_type.elementType, intervals))
    if isinstance(data_type, t.MapType):
        return pa.map_(arrow_type(data_type.keyType, intervals), arrow_type(data_type.valueType, intervals))
    if isinstance(data_type, t.DecimalType):
        return pa.decimal128(data_type.precision, data_type.scale)
    atomic: dict[type[t.DataType], Any] = {
        t.BooleanType: pa.bool_(), t.ByteType: pa.int8(), t.ShortType: pa.int16(), t.IntegerType: pa.int32(),
        t.LongType: pa.int64(), t.FloatType: pa.float32(), t.DoubleType: pa.float64(), t.StringType: pa.string(),
        t.BinaryType: pa.binary(), t.DateType: pa.date32(), t.TimestampType: pa.timestamp("us", "UTC"),
        t.TimestampNTZType: pa.timestamp("us"), t.NullType: pa.null(),
    }  # fmt: skip
    if intervals:
        atomic |= {t.DayTimeIntervalType: pa.int64(), t.YearMonthIntervalType: pa.int32()}
    return atomic[type(data_type)]


class Rebuild:
    """Makes columns of one type columns of another.

    Args:
        leaf: does so for columns without parts.
        case_sensitive: whether fields of structs are told apart by case.
        refused: makes the error for what has no such form, from the two types.
    """

    def __init__(
        self, leaf: Leaf, case_sensitive: bool, refused: Callable[[t.DataType, t.DataType], Exception]
    ) -> None:
        self._leaf = leaf
        self._case_sensitive = case_sensitive
        self._refused = refused

    def column(self, array: pa.Array, found: t.DataType, wanted: t.DataType) -> pa.Array:
        """Return a column as a type; fields of structs are found by name, and NULL where there is none.

        Raises:
            Exception: what `refused` makes.
        """
        import pyarrow as pa

        match found, wanted:
            case t.StructType(), t.StructType() if wanted.fields:
                return self._struct(array, found, wanted)
            case t.ArrayType(), t.ArrayType():
                values = self.column(array.values, found.elementType, wanted.elementType)
                return pa.ListArray.from_arrays(array.offsets, values, mask=array.is_null())
            case t.MapType(), t.MapType():
                keys = self.column(array.keys, found.keyType, wanted.keyType)
                values = self.column(array.items, found.valueType, wanted.valueType)
                return pa.MapArray.from_arrays(array.offsets, keys, values, mask=array.is_null())
        nested = (t.StructType, t.ArrayType, t.MapType)
        if isinstance(found, nested) or isinstance(wanted, nested):
            raise self._refused(found, wanted)
        return self._leaf(array, found, wanted)

    def _struct(self, array: pa.Array, found: t.StructType, wanted: t.StructType) -> pa.Array:
        import pyarrow as pa

        parts = array.flatten()
        columns = []
        for field in wanted.fields:
            matches = [i for i, name in enumerate(found.names) if self.same(name, field.name)]
            if len(matches) > 1:
                raise self._refused(found, wanted)
            if matches:
                columns.append(
                    self.column(parts[matches[0]], found.fields[matches[0]].dataType, field.dataType)
                )
            else:
                columns.append(pa.nulls(len(array), arrow_type(field.dataType, True)))
        fields = [pa.field(f.name, c.type) for f, c in zip(wanted.fields, columns, strict=True)]
        return pa.StructArray.from_arrays(columns, fields=fields, mask=array.is_null())

    def same(self, left: str, right: str) -> bool:
        """Return whether two names mean one column."""
        return left == right or (not self._case_sensitive and left.lower() == right.lower())
