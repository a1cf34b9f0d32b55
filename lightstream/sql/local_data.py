"""`createDataFrame`: rows, frames and arrays of Python as a DataFrame."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkException, PySparkTypeError, PySparkValueError
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.plan.expressions import Attribute, Literal, fresh_id
from lightstream.plan.relations import LocalData
from lightstream.sql import verify
from lightstream.sql.arguments import not_expected
from lightstream.sql.infer import empty_schema, infer_schema, renamed
from lightstream.sql.rdd import RDD, schema_rows

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession


def create(session: SparkSession, data: Any, schema: Any, verify_schema: bool) -> DataFrame:
    """Return the DataFrame of Python data.

    Args:
        data: an iterable of rows, a pandas or Polars frame, an Arrow table, or a NumPy array.
        schema: a StructType, another type for single values, DDL text, a list of names, or None to infer all.
    """
    if isinstance(schema, str):
        schema = t.DataType.fromDDL(schema)
    elif isinstance(schema, list | tuple):
        schema = [name.decode() if isinstance(name, bytes) else name for name in schema]
        if not all(isinstance(name, str) for name in schema):
            raise not_expected("schema", "a list of names", schema)
    elif schema is not None and not isinstance(schema, t.DataType):
        raise not_expected("schema", "list, None or StructType", schema)
    kind = type(data).__module__.partition(".")[0]
    if kind == "pandas" and hasattr(data, "itertuples"):
        return _from_pandas(session, data, schema, verify_schema)
    if kind == "numpy" and hasattr(data, "ndim"):
        return _from_numpy(session, data, schema, verify_schema)
    if kind == "polars" and hasattr(data, "to_arrow"):
        return _from_arrow(session, plain_strings(data.to_arrow()), schema)
    if kind == "pyarrow" and hasattr(data, "to_pylist"):
        return _from_arrow(session, data, schema)
    return _from_rows(session, data, schema, verify_schema)


def local_frame(table: pyarrow.Table, schema: t.StructType, session: SparkSession) -> DataFrame:
    """Return the DataFrame of an Arrow table whose columns DuckDB can take as they are."""
    from lightstream.sql.dataframe import DataFrame

    # Columns go by position, so that two may share a name.
    named = table.rename_columns([f"c{i}" for i in range(len(schema.fields))])
    return DataFrame(session._state.analyze(LocalData(schema, named)), session)


def local_rows(rows: Sequence[Sequence[Any]], schema: t.StructType, session: SparkSession) -> DataFrame:
    """Return the DataFrame of rows whose values fit the schema."""
    converters = verify.column_converters(schema)
    if len(rows) * len(converters) <= _FEW and all(isinstance(f.dataType, _PLAIN) for f in schema.fields):
        return _constant_rows(
            [[c(v) for c, v in zip(converters, row, strict=True)] for row in rows], schema, session
        )
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) if rows else [() for _ in converters]
    arrays = [
        pa.array([convert(v) for v in values], type=carried_type(field.dataType))
        for convert, values, field in zip(converters, columns, schema.fields, strict=True)
    ]
    names = [f"c{i}" for i in range(len(arrays))]
    return local_frame(pa.Table.from_arrays(arrays, names=names), schema, session)


# A few plain values are constants of the statement: pyarrow takes 0.3 s to import.
_FEW = 200
_PLAIN = (t.BooleanType, t.IntegralType, t.StringType, t.DateType, t.DoubleType, t.TimestampType)


def _constant_rows(rows: list[list[Any]], schema: t.StructType, session: SparkSession) -> DataFrame:
    from lightstream.sql.dataframe import DataFrame

    columns = tuple(
        Attribute(f.name, f.dataType, f.nullable, fresh_id(), (), f.metadata) for f in schema.fields
    )
    if not columns:
        one: lp.LogicalPlan = lp.OneRow(())
        for _ in rows[1:]:
            one = lp.SetOperation(one, lp.OneRow(()), "union", True, ())
        return DataFrame(one if rows else lp.Limit(one, 0), session)
    constants = tuple(
        tuple(Literal(v, f.dataType) for v, f in zip(row, schema.fields, strict=True))
        for row in rows or [[None] * len(columns)]
    )
    plan: lp.LogicalPlan = lp.Values(columns, constants)
    return DataFrame(plan if rows else lp.Limit(plan, 0), session)


def carried_type(data_type: t.DataType) -> pyarrow.DataType:
    """Return the Arrow type in which DuckDB is given values of a type."""
    from lightstream.sql.rows import arrow_type

    return arrow_type(data_type, carried=True)


# ---- rows -----------------------------------------------------------------------------------------------------


def _from_rows(session: SparkSession, data: Any, schema: Any, verify_schema: bool) -> DataFrame:
    rows: list[Any] = list(_rows_of(data))
    if schema is None or isinstance(schema, list | tuple):
        conf = session._state.conf
        ntz = (conf.get("spark.sql.timestampType") or "").upper() == "TIMESTAMP_NTZ"
        # Dicts and objects are read by the names that they have, before `schema` renames the columns.
        if isinstance(data, RDD):
            own = infer_schema(schema_rows(rows), ntz)
            check = verify.checker(own, nullable=False)
            for row in rows:
                check(row)
        else:
            own = infer_schema(rows, ntz)
        values = [verify.row_values(row, own.names) for row in rows]
        return local_rows(values, own if schema is None else renamed(own, schema), session)
    if not isinstance(schema, t.StructType):
        schema = t.StructType([t.StructField("value", schema)])
        rows = [(row,) for row in rows]
    if verify_schema:
        check = verify.checker(schema, nullable=False)
        for row in rows:
            check(row)
    values = [verify.row_values(row, schema.names) for row in rows]
    for field, column in zip(schema.fields, zip(*values, strict=True), strict=False):
        if not field.nullable and any(v is None for v in column):
            raise PySparkValueError(
                "FIELD_NOT_NULLABLE_WITH_NAME",
                f"field {field.name}: This field is not nullable, but got None.",
                parameters={"field_name": f"field {field.name}"},
            )
    return local_rows(values, schema, session)


def _rows_of(data: Any) -> Iterable[Any]:
    from lightstream.sql.frame import Frame

    if isinstance(data, Frame):
        raise PySparkTypeError(
            "INVALID_TYPE",
            "Argument `data` should not be a DataFrame.",
            parameters={"arg_name": "data", "arg_type": "DataFrame"},
        )
    found: Iterable[Any] = data.collect() if isinstance(data, RDD) else data
    return found


# ---- Arrow ----------------------------------------------------------------------------------------------------


def _from_arrow(session: SparkSession, table: Any, schema: Any) -> DataFrame:
    zone = session._state.conf.time_zone
    if isinstance(schema, t.StructType):
        if schema.names != table.column_names:
            raise PySparkValueError(
                "FIELD_NAMES_MISMATCH",
                f"The table's columns {table.column_names} are not those of the schema, {schema.names}.",
            )
        fields = schema.fields
    elif isinstance(schema, t.DataType):
        raise not_expected("schema", "list, None or StructType", schema)
    else:
        names = table.column_names if schema is None else schema
        if len(names) != table.num_columns:
            raise PySparkValueError(
                "LENGTH_SHOULD_BE_THE_SAME",
                f"schema and data should be of the same length, got {len(names)} and {table.num_columns}.",
                parameters={
                    "arg1": "schema",
                    "arg2": "data",
                    "arg1_length": str(len(names)),
                    "arg2_length": str(table.num_columns),
                },
            )
        fields = [
            t.StructField(name, _spark_type(f.type, session), f.nullable)
            for name, f in zip(names, table.schema, strict=True)
        ]
    for column, field in zip(table.columns, fields, strict=True):
        if column.null_count and not field.nullable:
            raise ValueError(f"Casting field '{field.name}' with null values to non-nullable")
    columns = [_carried(c, f.dataType, zone) for c, f in zip(table.columns, fields, strict=True)]
    return _of_columns(session, columns, t.StructType(list(fields)))


def _of_columns(session: SparkSession, columns: list[Any], schema: t.StructType) -> DataFrame:
    import pyarrow as pa

    if not columns:
        return local_rows([], schema, session)
    return local_frame(
        pa.Table.from_arrays(columns, names=[str(i) for i in range(len(columns))]), schema, session
    )


def plain_strings(table: Any) -> Any:
    """Return a Polars frame's table with its text and binary columns in Arrow's plain layout."""
    import pyarrow as pa

    fields = [pa.field(f.name, _plain(f.type), f.nullable) for f in table.schema]
    return table.cast(pa.schema(fields))


def _plain(arrow: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow) or pa.types.is_dictionary(arrow):
        return pa.string()
    if pa.types.is_large_binary(arrow) or pa.types.is_binary_view(arrow):
        return pa.binary()
    if pa.types.is_large_list(arrow) or pa.types.is_list(arrow):
        return pa.list_(_plain(arrow.value_type))
    if pa.types.is_struct(arrow):
        return pa.struct([pa.field(f.name, _plain(f.type), f.nullable) for f in arrow])
    if pa.types.is_unsigned_integer(arrow) and arrow.bit_width < 64:
        return pa.int64() if arrow.bit_width == 32 else pa.int32() if arrow.bit_width == 16 else pa.int16()
    return arrow


def _spark_type(arrow: Any, session: SparkSession) -> t.DataType:
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_timestamp(arrow):
        ntz = (session._state.conf.get("spark.sql.timestampType") or "").upper() == "TIMESTAMP_NTZ"
        return t.TimestampNTZType() if arrow.tz is None and ntz else t.TimestampType()
    if kinds.is_decimal128(arrow):
        return t.DecimalType(arrow.precision, arrow.scale)
    if kinds.is_dictionary(arrow):
        return _spark_type(arrow.value_type, session)
    if kinds.is_list(arrow) or kinds.is_large_list(arrow) or kinds.is_fixed_size_list(arrow):
        return t.ArrayType(_spark_type(arrow.value_type, session), arrow.value_field.nullable)
    if kinds.is_map(arrow):
        key, item = _spark_type(arrow.key_type, session), _spark_type(arrow.item_type, session)
        return t.MapType(key, item, arrow.item_field.nullable)
    if kinds.is_struct(arrow) and _is_variant(arrow):
        return t.VariantType()
    if kinds.is_struct(arrow):
        return t.StructType([t.StructField(f.name, _spark_type(f.type, session), f.nullable) for f in arrow])
    if kinds.is_duration(arrow):
        return t.DayTimeIntervalType()
    if kinds.is_fixed_size_binary(arrow):
        return t.BinaryType()
    known = _SPARK_TYPES.get(str(arrow))
    if known is None:
        raise PySparkTypeError(
            "UNSUPPORTED_DATA_TYPE_FOR_ARROW_CONVERSION",
            f"{arrow} has no counterpart in Spark. Cast the column first.",
            parameters={"data_type": str(arrow)},
        )
    return known


def _is_variant(arrow: Any) -> bool:
    """Return whether a struct has the mark that Spark gives those that stand for variants."""
    names = [field.name for field in arrow]
    return names == ["value", "metadata"] and (arrow[1].metadata or {}).get(b"variant") == b"true"


_SPARK_TYPES: dict[str, t.DataType] = {
    "bool": t.BooleanType(), "int8": t.ByteType(), "int16": t.ShortType(), "int32": t.IntegerType(),
    "int64": t.LongType(), "float": t.FloatType(), "double": t.DoubleType(), "string": t.StringType(),
    "large_string": t.StringType(), "binary": t.BinaryType(), "large_binary": t.BinaryType(),
    "date32[day]": t.DateType(), "time64[us]": t.TimeType(), "time64[ns]": t.TimeType(), "null": t.NullType(),
}  # fmt: skip


def _carried(column: Any, data_type: t.DataType, time_zone: str) -> Any:
    """Return an Arrow column in the type that DuckDB is given.

    Spark: timestamps without a zone are in the session's where the column is TIMESTAMP.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from lightstream.sql.rows import as_type

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if isinstance(data_type, t.TimestampType) and pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        if column.type.tz is None:
            column = pc.assume_timezone(column, time_zone, ambiguous="earliest", nonexistent="earliest")
    elif isinstance(data_type, t.TimestampNTZType) and pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        if column.type.tz is not None:
            column = pc.local_timestamp(column)
    elif isinstance(data_type, t.DayTimeIntervalType) and pa.types.is_duration(column.type):
        column = column.cast(pa.duration("us"), safe=False)
    elif isinstance(data_type, t.ArrayType | t.StructType | t.MapType) and _has_naive_timestamp(column.type):
        raise PySparkTypeError(
            "UNSUPPORTED_DATA_TYPE_FOR_ARROW_CONVERSION",
            f"Timestamps without a time zone inside {column.type} are not supported. Give them a time zone.",
            parameters={"data_type": str(column.type)},
        )
    try:
        return as_type(column, carried_type(data_type))
    except pa.ArrowException as error:
        raise PySparkValueError(
            "ARROW_TYPE_MISMATCH",
            f"A column of {column.type} does not fit {data_type.simpleString()}: {error}",
        ) from None


def _has_naive_timestamp(arrow: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_timestamp(arrow):
        return arrow.tz is None
    return any(_has_naive_timestamp(arrow.field(i).type) for i in range(arrow.num_fields))


# ---- pandas and NumPy -----------------------------------------------------------------------------------------


def _from_pandas(
    session: SparkSession, frame: pandas.DataFrame, schema: Any, verify_schema: bool
) -> DataFrame:
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    if isinstance(schema, list):
        # Spark: columns without a name are left out, names without a column too.
        names = schema[: len(names)]
        frame = frame.iloc[:, : len(names)]
    if schema is None or isinstance(schema, list):
        if not names or not len(frame):
            raise empty_schema()
        wanted: list[t.StructField | None] = [None] * len(names)
    elif isinstance(schema, t.StructType):
        wanted, names = list(schema.fields), schema.names
    else:
        return _from_rows(session, _python_rows(frame, session), schema, verify_schema)
    try:
        if len(names) != len(frame.columns):
            raise ValueError("more or fewer fields than columns")
        fields, columns = [], []
        for position, (name, field) in enumerate(zip(names, wanted, strict=True)):
            column = _pandas_column(frame.iloc[:, position], field)
            data_type = _spark_type(column.type, session) if field is None else field.dataType
            fields.append(field or t.StructField(name, data_type))
            columns.append(_carried(column, data_type, session._state.conf.time_zone))
    except (pa.ArrowException, PySparkException, ValueError):
        # Spark: what Arrow cannot convert goes row by row, by the rules for rows.
        rows = _python_rows(frame, session)
        return _from_rows(session, rows, names if schema is None else schema, verify_schema)
    return _of_columns(session, columns, t.StructType(fields))


def _pandas_column(series: Any, field: t.StructField | None) -> Any:
    import pyarrow as pa

    if field is None or isinstance(field.dataType, t.TimestampType | t.TimestampNTZType):
        column = pa.Array.from_pandas(series)
    else:
        from lightstream.sql.rows import arrow_type

        column = pa.Array.from_pandas(series, type=arrow_type(field.dataType))
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _python_rows(frame: Any, session: SparkSession) -> list[tuple[Any, ...]]:
    """Return a pandas frame's rows in Python's own types; naive timestamps are in the session's time zone."""
    import zoneinfo

    pandas = sys.modules["pandas"]
    zone = zoneinfo.ZoneInfo(session._state.conf.time_zone)

    def python(value: Any) -> Any:
        if value is pandas.NaT or value is pandas.NA:
            return None
        if isinstance(value, pandas.Timestamp):
            moment: datetime.datetime = value.to_pydatetime()
            return moment if moment.tzinfo else moment.replace(tzinfo=zone)
        if isinstance(value, pandas.Timedelta):
            return value.to_pytimedelta()
        return value

    columns = [
        [python(v) for v in frame.iloc[:, i].astype(object).tolist()] for i in range(len(frame.columns))
    ]
    return list(zip(*columns, strict=True))


def _from_numpy(session: SparkSession, data: Any, schema: Any, verify_schema: bool) -> DataFrame:
    import pyarrow as pa

    if data.ndim not in (1, 2):
        raise PySparkValueError(
            "INVALID_NDARRAY_DIMENSION",
            "NumPy array input should be of 1 or 2 dimensions.",
            parameters={"dimensions": "1 or 2"},
        )
    columns = [data] if data.ndim == 1 else [data[:, i] for i in range(data.shape[1])]
    names = ["value"] if data.ndim == 1 else [f"_{i + 1}" for i in range(len(columns))]
    if isinstance(schema, t.DataType):
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        return _from_rows(session, rows, schema, verify_schema)
    if schema is not None:
        names = schema[: len(names)]
        columns = columns[: len(names)]
    table = pa.Table.from_arrays([pa.array(column) for column in columns], names=names)
    return _from_arrow(session, table, None)
