"""Arrow tables as frames of pandas, with the types that Spark gives a result or what a Python function is given."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from lightstream.errors import PySparkImportError, unsupported
from lightstream.plan import types as t

if TYPE_CHECKING:
    import pandas
    import pyarrow

Use = Literal["result", "columns", "frame"]

# Spark brings these to pandas by way of NumPy. A struct or a batch with any other column goes another way, which keeps
# microseconds, and whole numbers beside NULLs.
_BY_NUMPY = (
    t.NullType, t.BinaryType, t.BooleanType, t.FloatType, t.DoubleType, t.ByteType, t.ShortType, t.IntegerType,
    t.LongType, t.DateType, t.TimeType, t.TimestampType, t.TimestampNTZType,
)  # fmt: skip
_WITH_NULLS: dict[type[t.DataType], str] = {
    t.ByteType: "Int8",
    t.ShortType: "Int16",
    t.IntegerType: "Int32",
    t.LongType: "Int64",
}


def to_pandas(
    table: pyarrow.Table, schema: t.StructType, time_zone: str, use: Use = "columns"
) -> pandas.DataFrame:
    """Return an Arrow table (from `to_arrow`) as pandas, timestamps without a zone, in the session's.

    Args:
        table: One column for each field of the schema.
        schema: The fields, of which several may have one name.
        time_zone: The session's.
        use: For toPandas ("result"), columns that a function is given each by itself ("columns"), or whole frames
            ("frame": mapInPandas, and a struct that a pandas function is given). Spark's types differ between them.

    Raises:
        PySparkImportError: pandas is not installed.
    """
    if importlib.util.find_spec("pandas") is None:
        raise PySparkImportError(
            "PACKAGE_NOT_INSTALLED",
            "toPandas() needs pandas. Install it: pip install 'lightstream[pandas]'.",
            parameters={"package_name": "pandas"},
        )
    import pandas

    by_numpy = use == "columns" or (use == "frame" and all(isinstance(f.dataType, _BY_NUMPY) for f in schema))
    columns = {
        position: _series(_localized(column.combine_chunks(), time_zone), field.dataType, use, by_numpy)
        for position, (column, field) in enumerate(zip(table.columns, schema, strict=True))
    }
    frame = pandas.DataFrame(columns, index=pandas.RangeIndex(table.num_rows), copy=False)
    frame.columns = pandas.Index(schema.names)
    return frame


def _series(column: Any, kind: t.DataType, use: Use, by_numpy: bool) -> pandas.Series[Any]:
    import pandas
    import pyarrow as pa

    if by_numpy and pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns"))
    if t.holds(kind, t.VariantType):
        if not isinstance(kind, t.VariantType):
            raise unsupported("A variant inside another value in pandas")
        from lightstream.sql.rows import variant_of

        return pandas.Series([None if v is None else variant_of(v) for v in column.to_pylist()], dtype=object)
    nested = isinstance(kind, t.ArrayType | t.MapType | t.StructType)
    kept = not by_numpy and use == "frame" and type(kind) in _WITH_NULLS and column.null_count > 0
    series = column.to_pandas(
        maps_as_pydicts="strict", integer_object_nulls=kept or (nested and use != "result")
    )
    if kept:
        return series.astype(_WITH_NULLS[type(kind)])
    convert = _with_timestamps(kind) if nested else None
    return series if convert is None else series.map(convert, na_action="ignore")


def _with_timestamps(kind: t.DataType) -> Callable[[Any], Any] | None:
    """Return what brings a nested value's times to pandas' Timestamps, or None where it has none."""
    match kind:
        case t.TimestampType() | t.TimestampNTZType():
            from pandas import Timestamp

            return lambda value: Timestamp(value)
        case t.ArrayType():
            element = _optional(_with_timestamps(kind.elementType))
            return None if element is None else _array_converter(element)
        case t.MapType():
            key, item = _with_timestamps(kind.keyType), _optional(_with_timestamps(kind.valueType))
            if key is None and item is None:
                return None
            keyed, valued = key or _same, item or _same
            return lambda value: {keyed(k): valued(v) for k, v in value.items()}
        case t.StructType():
            fields = {f.name: _optional(_with_timestamps(f.dataType)) for f in kind}
            changed = {name: convert for name, convert in fields.items() if convert is not None}
            if changed:
                return lambda value: {k: changed.get(k, _same)(v) for k, v in value.items()}
    return None


def _array_converter(element: Callable[[Any], Any]) -> Callable[[Any], Any]:
    import numpy

    def convert(value: Any) -> Any:
        found = [element(one) for one in value]
        return numpy.array(found) if isinstance(value, numpy.ndarray) else found

    return convert


def _optional(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return convert and (lambda value: None if value is None else convert(value))


def _same(value: Any) -> Any:
    return value


def _localized(column: Any, time_zone: str) -> Any:
    """Return an Arrow array with its timestamps, nested ones too, as local times of a time zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return pc.local_timestamp(column.cast(pa.timestamp("us", time_zone)))
    if not _has_instants(kind):
        return column
    if pa.types.is_struct(kind):
        parts = [_localized(column.field(i), time_zone) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, names=[f.name for f in kind], mask=column.is_null())
    if pa.types.is_map(kind):
        keys, items = _localized(column.keys, time_zone), _localized(column.items, time_zone)
        return pa.MapArray.from_arrays(column.offsets, keys, items, mask=column.is_null())
    values = _localized(column.values, time_zone)
    return pa.ListArray.from_arrays(column.offsets, values, mask=column.is_null())


def _has_instants(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return kind.tz is not None
    return any(_has_instants(kind.field(i).type) for i in range(kind.num_fields))
