"""Whole frames through Python functions: mapInPandas, applyInPandas and the same for Arrow and Polars."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import (
    IllegalArgumentException,
    PySparkException,
    PySparkRuntimeError,
    PySparkTypeError,
    PySparkValueError,
    PythonException,
)
from lightstream.execute.python_functions import python_exception
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias
from lightstream.sql.arguments import not_expected
from lightstream.sql.function_kinds import takes_iterator

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.group import GroupedData
    from lightstream.sql.pandas_frames import Use

BATCH_ROWS = 10_000  # Spark: spark.sql.execution.arrow.maxRecordsPerBatch


def map_frames(df: DataFrame, func: Any, schema: Any, kind: str) -> DataFrame:
    """Return the rows that a function makes of an iterator over the frames of a DataFrame."""
    result = _checked(func, schema, "SQL_MAP_PANDAS_ITER_UDF or SQL_MAP_ARROW_ITER_UDF")
    own, zone = df.schema, df._state.conf.time_zone

    def rows(tables: list[Any]) -> Any:
        frames = _frames(tables[0], own, kind, zone, "frame")
        made = (_mapped(frame, result, kind, df) for frame in func(frames))
        return collected((columns_of_frame(frame, result, kind, zone) for frame in made), result)

    return _lazy([df], result, rows)


def apply_groups(groupings: Sequence[GroupedData], func: Any, schema: Any, kind: str) -> DataFrame:
    """Return the rows that a function makes of the frames of each group, of one grouping or of two."""
    df = groupings[0]._df
    what = (
        f"{'COGROUPED' if len(groupings) > 1 else 'GROUPED'}_MAP_{'ARROW' if kind == 'arrow' else 'PANDAS'}"
    )
    result = _checked(func, schema, f"SQL_{what}_UDF")
    _check_parameters(func, len(groupings), kind)
    if len(groupings) > 1 and len(groupings[0]._keys) != len(groupings[1]._keys):
        sizes = " != ".join(str(len(grouping._keys)) for grouping in groupings)
        raise IllegalArgumentException(
            message=f"requirement failed: Cogroup keys must have same size: {sizes}"
        )
    wants_key = _parameters(func) > len(groupings)
    by_iterators = len(groupings) == 1 and takes_iterator(func)
    keyed = [_with_keys(grouping) for grouping in groupings]
    zone = df._state.conf.time_zone

    def rows(tables: list[Any]) -> Any:
        sides = [
            _Groups(one, len(grouping._keys), frame.schema)
            for one, grouping, frame in zip(tables, groupings, keyed, strict=True)
        ]
        keys = list(dict.fromkeys(key for side in sides for key in side.places))

        def results() -> Iterator[Any]:
            for key in keys:
                given: list[Any] = [
                    _frames(side.rows(key), side.schema, kind, zone)
                    if by_iterators
                    else _frame(side.rows(key), side.schema, kind, zone)
                    for side in sides
                ]
                if wants_key:
                    shown = next(side.key(key, kind, zone) for side in reversed(sides) if key in side.places)
                    given = [shown, *given]
                made = func(*given)
                for frame in made if by_iterators else [made]:
                    if kind == "arrow":
                        _check_types(frame.select(result.names), result, df)
                    yield columns_of_frame(frame, result, kind, zone)

        return collected(results(), result)

    return _lazy(keyed, result, rows)


class _Groups:
    """The rows of a table whose last columns are keys, by key."""

    def __init__(self, table: Any, keys: int, schema: t.StructType) -> None:
        import pyarrow as pa

        width = len(schema) - keys
        nullable = pa.schema([field.with_nullable(True) for field in table.schema])
        table = pa.Table.from_arrays(table.columns, schema=nullable)
        self.schema, self._key_schema = (
            t.StructType(schema.fields[:width]),
            t.StructType(schema.fields[width:]),
        )
        self._table, self._keys = table.select(range(width)), table.select(range(width, len(schema)))
        self.places: dict[Any, list[int]] = {}
        values = [column.to_pylist() for column in self._keys.columns]
        for place, key in enumerate(zip(*values, strict=True) if keys else [()] * table.num_rows):
            self.places.setdefault(tuple(map(_same, key)), []).append(place)

    def rows(self, key: Any) -> Any:
        """Return the rows of a key; it may have none."""
        if key not in self.places:
            return self._table.slice(0, 0)
        return self._table.take(self.places[key]).combine_chunks()

    def key(self, key: Any, kind: str, zone: str) -> tuple[Any, ...]:
        """Return a key's values as a function is given them: Arrow's scalars, values of pandas, or of Python."""
        row = self._keys.slice(self.places[key][0], 1)
        if kind == "arrow":
            return tuple(column[0] for column in row.columns)
        if kind == "pandas":
            frame = _frame(row, self._key_schema, kind, zone)
            return tuple(frame.iloc[:, i].iloc[0] for i in range(len(self._key_schema)))
        return tuple(column[0].as_py() for column in row.columns)


def _checked(func: Any, schema: Any, what: str) -> t.StructType:
    if not callable(func):
        raise PySparkTypeError(message=f"{what} takes a function, got {type(func).__name__}.")
    if not isinstance(schema, t.DataType | str):
        raise not_expected("returnType", "DataType or str", schema)
    found = t.DataType.fromDDL(schema) if isinstance(schema, str) else schema
    if not isinstance(found, t.StructType):
        raise PySparkTypeError(
            "INVALID_RETURN_TYPE_FOR_PANDAS_UDF",
            f"The schema must be a StructType or DDL text of columns, not {found!r}.",
            parameters={"eval_type": what, "return_type": repr(found)},
        )
    return found


def _parameters(func: Callable[..., Any]) -> int:
    return len(inspect.signature(func).parameters)


def _check_parameters(func: Callable[..., Any], frames: int, kind: str) -> None:
    """Refuse a function that takes neither the frames of a group nor its key and these."""
    if kind == "polars" or frames <= _parameters(func) <= frames + 1:
        return
    form = kind.title()
    if frames > 1:
        takes = (
            f"cogroup.applyIn{form} must take either two arguments (left, right) or three arguments "
            "(key, left, right)"
        )
    else:
        takes = f"groupby.applyIn{form} must take either one argument (data) or two arguments (key, data)"
    raise PySparkValueError(
        "INVALID_PANDAS_UDF",
        f"Invalid function: the function in {takes}.",
        parameters={"detail": f"the function in {takes}."},
    )


def _mapped(frame: Any, schema: t.StructType, kind: str, df: DataFrame) -> Any:
    """Return the columns of a frame that Spark takes: those of the names, or with Arrow the first ones."""
    if kind == "pandas" and any(isinstance(name, str) for name in getattr(frame, "columns", ())):
        first = frame.iloc[:, : len(schema)]
        return first if set(first.columns) == set(schema.names) else frame
    if kind == "arrow" and len(frame.schema.names) >= len(schema):
        found = frame.select(list(range(len(schema))))
        _check_types(found, schema, df)
        return found.rename_columns(schema.names)
    return frame


def _check_types(frame: Any, schema: t.StructType, df: DataFrame) -> None:
    """Refuse Arrow columns of other types than those of a schema, by their places: Spark does not cast them."""
    from lightstream.sql.local_data import _spark_type

    for kind, field in zip(frame.schema.types, schema, strict=True):
        found, wanted = _spark_type(kind, df.sparkSession), field.dataType
        if not isinstance(found, t.NullType) and _bare(found) != _bare(wanted):
            raise PySparkRuntimeError(
                "RESULT_COLUMN_TYPES_MISMATCH",
                "Column types of the returned data do not match specified schema. Mismatch: column "
                f"'{field.name}' (expected {wanted.simpleString()}, actual {found.simpleString()}).",
            )


def _bare(kind: t.DataType) -> str:
    return kind.simpleString().replace("timestamp_ntz", "timestamp")


def _lazy(frames: Sequence[DataFrame], schema: t.StructType, rows: Callable[[list[Any]], Any]) -> DataFrame:
    """Return a DataFrame of what a function makes of tables: of whole ones, or of each batch's when one is a stream."""
    from lightstream.analyze.analyzer import attributes_of
    from lightstream.analyze.table_functions import through_python
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.rows import to_arrow

    df = frames[0]
    nullable = t.StructType([t.StructField(f.name, f.dataType, f.nullable, f.metadata) for f in schema])
    schemas = [frame.schema for frame in frames]

    def guarded(tables: list[Any]) -> Any:
        try:
            return rows(
                [
                    to_arrow(table.rename_columns(own.names), own, df._state.conf.time_zone)
                    for table, own in zip(tables, schemas, strict=True)
                ]
            )
        except PythonException:
            raise
        except Exception as error:
            raise python_exception(error) from None

    plan = through_python([frame._plan for frame in frames], attributes_of(nullable), guarded, df._state)
    return DataFrame(plan, df.sparkSession)


def _frame(table: Any, schema: t.StructType, kind: str, zone: str, use: Use = "columns") -> Any:
    """Return an Arrow table or batch in the form that a function is given."""
    if kind == "arrow":
        return table
    if kind == "polars":
        import polars as pl

        return pl.from_arrow(table)
    import pyarrow as pa

    from lightstream.sql.pandas_frames import to_pandas

    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    return to_pandas(table, schema, zone, use)


def _frames(table: Any, schema: t.StructType, kind: str, zone: str, use: Use = "columns") -> Iterator[Any]:
    """Return the rows of a table in frames of Spark's size."""
    return (_frame(one, schema, kind, zone, use) for one in table.to_batches(max_chunksize=BATCH_ROWS))


def _with_keys(grouping: GroupedData) -> DataFrame:
    df = grouping._df
    named = tuple(Alias(key, (f"key{i}",)) for i, key in enumerate(grouping._keys))
    return df._with(r.Project(df._plan, (*df._plan.output, *named)))


def _same(value: Any) -> Any:
    """Return what stands for a key's value in a dict: NaN is one value, and -0.0 is 0.0."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0
    return repr(value) if isinstance(value, list | dict) else value


def columns_of_frame(frame: Any, schema: t.StructType, kind: str, zone: str) -> Any:
    """Return a frame that the function gave as an Arrow table of the schema, columns by name where they have names."""
    import pyarrow as pa

    from lightstream.sql.local_data import _carried
    from lightstream.sql.python_functions import _series_result

    if kind == "polars":
        if frame is None or frame.shape == (0, 0):
            return None
        frame = frame.to_arrow()
    if kind != "pandas":
        _matched([str(name) for name in frame.schema.names], schema)
        columns = [frame.column(name) for name in schema.names]
    else:
        if len(frame.columns) == 0 and len(frame) == 0:
            return None
        by_name = any(isinstance(name, str) for name in frame.columns)
        if by_name:
            _matched([str(name) for name in frame.columns], schema)
        elif len(frame.columns) != len(schema):
            raise PySparkException(
                "RESULT_COLUMN_SCHEMA_MISMATCH",
                f"The function returned {len(frame.columns)} columns, expected {len(schema)}.",
            )
        series = [frame[f.name] if by_name else frame.iloc[:, i] for i, f in enumerate(schema)]
        columns = [_series_result(one, f.dataType) for one, f in zip(series, schema, strict=True)]
    arrays = [
        _carried(c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c, f.dataType, zone)
        for c, f in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))])


def _matched(names: Sequence[str], schema: t.StructType) -> None:
    missing, extra = sorted(set(schema.names) - set(names)), sorted(set(names) - set(schema.names))
    if missing or extra:
        raise PySparkException(
            "RESULT_COLUMN_NAMES_MISMATCH",
            "Column names of the returned data do not match the specified schema."
            + (f" Missing: {', '.join(missing)}." if missing else "")
            + (f" Unexpected: {', '.join(extra)}." if extra else ""),
        )


def collected(tables: Iterator[Any], schema: t.StructType) -> Any:
    """Return Arrow tables, of which some may be None, as one."""
    import pyarrow as pa

    from lightstream.sql.local_data import carried_type

    found = [table for table in tables if table is not None]
    if found:
        return pa.concat_tables(found)
    fields = [pa.field(f"c{i}", carried_type(f.dataType)) for i, f in enumerate(schema)]
    return pa.schema(fields).empty_table()
