"""Whole frames through Python functions: mapInPandas, mapInArrow, applyInPandas and applyInArrow."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkException, PySparkTypeError, PythonException, unsupported
from lightstream.execute.python_functions import python_exception
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.expressions import Alias

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.group import GroupedData

_BATCH_ROWS = 10_000  # Spark: spark.sql.execution.arrow.maxRecordsPerBatch


def map_frames(df: DataFrame, func: Any, schema: Any, kind: str) -> DataFrame:
    """Return the rows that a function makes of an iterator over the frames of a DataFrame."""
    what = "mapInPandas" if kind == "pandas" else "mapInArrow"
    result = _checked(df, func, schema, what)

    def rows() -> Any:
        given, own = _table(df), df.schema
        batches = given.to_batches(max_chunksize=_BATCH_ROWS)
        frames: Iterator[Any] = (
            iter(batches) if kind == "arrow" else (_pandas(one, own, df) for one in batches)
        )
        return collected(
            (columns_of_frame(frame, result, kind, df._state.conf.time_zone) for frame in func(frames)),
            result,
        )

    return _lazy(df, result, rows)


def apply_groups(groupings: Sequence[GroupedData], func: Any, schema: Any, kind: str) -> DataFrame:
    """Return the rows that a function makes of the frames of each group, of one grouping or of two."""
    first = groupings[0]
    what = "applyInPandas" if kind == "pandas" else "applyInArrow"
    result = _checked(first._df, func, schema, what)
    if len(groupings) > 1 and len(groupings[0]._keys) != len(groupings[1]._keys):
        raise PySparkException(message="requirement failed: Cogroup keys must have same size")
    wants_key = _parameters(func) > len(groupings)

    def rows() -> Any:
        sides = [_groups(grouping) for grouping in groupings]
        keys = list(dict.fromkeys(key for _, places in sides for key in places))

        def results() -> Iterator[Any]:
            for key in keys:
                frames = []
                shown: tuple[Any, ...] = ()
                for grouping, (table, places) in zip(groupings, sides, strict=True):
                    found = places.get(key)
                    part = table.take(found[1]) if found else table.slice(0, 0)
                    shown = found[0] if found else shown
                    frames.append(
                        part if kind == "arrow" else _pandas(part, grouping._df.schema, grouping._df)
                    )
                made = func(shown, *frames) if wants_key else func(*frames)
                yield columns_of_frame(made, result, kind, first._df._state.conf.time_zone)

        return collected(results(), result)

    return _lazy(first._df, result, rows)


def _checked(df: DataFrame, func: Any, schema: Any, what: str) -> t.StructType:
    if not callable(func):
        raise PySparkTypeError(message=f"{what} takes a function, got {type(func).__name__}.")
    if df.isStreaming:
        raise unsupported(f"{what} on a stream", "Use foreachBatch.")
    found = t.DataType.fromDDL(schema) if isinstance(schema, str) else schema
    if not isinstance(found, t.StructType):
        raise PySparkTypeError(message=f"The schema for {what} must be a StructType or DDL text of columns.")
    return found


def _parameters(func: Callable[..., Any]) -> int:
    return len(inspect.signature(func).parameters)


def _lazy(df: DataFrame, schema: t.StructType, rows: Callable[[], Any]) -> DataFrame:
    from lightstream.sql.dataframe import DataFrame

    nullable = t.StructType([t.StructField(f.name, f.dataType, f.nullable, f.metadata) for f in schema])

    def guarded() -> Any:
        try:
            return rows()
        except PythonException:
            raise
        except Exception as error:
            raise python_exception(error) from None

    return DataFrame(df._state.analyze(r.LocalData(nullable, guarded)), df.sparkSession)


def _table(df: DataFrame) -> Any:
    from lightstream.sql.rows import to_arrow

    return to_arrow(df._state.run(df._plan).arrow(), df.schema)


def _pandas(table: Any, schema: t.StructType, df: DataFrame) -> Any:
    import pyarrow as pa

    from lightstream.sql.rows import to_pandas

    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    return to_pandas(table, schema, df._state.conf.time_zone)


def _groups(grouping: GroupedData) -> tuple[Any, dict[Any, tuple[tuple[Any, ...], list[int]]]]:
    """Return a DataFrame's table, and for each key its values and the positions of its rows."""
    df = grouping._df
    width = len(df._plan.output)
    named = tuple(Alias(key, (f"key{i}",)) for i, key in enumerate(grouping._keys))
    table = _table(df._with(r.Project(df._plan, (*df._plan.output, *named))))
    keys = [table.column(width + i).to_pylist() for i in range(len(named))]
    places: dict[Any, tuple[tuple[Any, ...], list[int]]] = {}
    for position, values in enumerate(zip(*keys, strict=True) if keys else [()] * table.num_rows):
        found = places.setdefault(tuple(map(_same, values)), (values, []))
        found[1].append(position)
    return table.select(range(width)), places


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

    if kind == "arrow":
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
