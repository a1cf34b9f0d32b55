"""Connectors of `pyspark.sql.datasource` at work: registered, made for a query, and what they give as tables."""

from __future__ import annotations

import copy
import inspect
import itertools
import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from lightstream.errors import (
    AnalysisException,
    PySparkAssertionError,
    PySparkException,
    PySparkRuntimeError,
    PySparkTypeError,
    PySparkValueError,
)
from lightstream.execute.python_functions import python_exception
from lightstream.plan.types import StructType
from lightstream.sql.datasource import CaseInsensitiveDict, DataSource, InputPartition
from lightstream.sql.task_context import task

if TYPE_CHECKING:
    import pyarrow

    from lightstream.conf import Conf
    from lightstream.execute.session import SessionState
    from lightstream.plan.relations import DataSourceRead
    from lightstream.sinks.contract import Sink
    from lightstream.sinks.registry import SinkRequest
    from lightstream.sources.contract import Reader
    from lightstream.sql.dataframe import DataFrame

Made = TypeVar("Made")
BATCH_ROWS = 10_000  # Spark: spark.sql.execution.arrow.maxRecordsPerBatch


def register(state: SessionState, source: type[DataSource]) -> None:
    """Make a connector a format of a session.

    Raises:
        AnalysisException: DATA_SOURCE_ALREADY_EXISTS.
    """
    from lightstream.sources.registry import is_built_in

    name = source.name()
    if is_built_in(name) or name.lower() in installed():
        raise AnalysisException(
            "DATA_SOURCE_ALREADY_EXISTS",
            f"Data source '{name}' already exists. Please choose a different name for the new data source.",
            sqlstate="42710",
            parameters={"provider": name},
        )
    state.connectors[name.lower()] = Connector(source)


@cache
def installed() -> Mapping[str, Connector]:
    """Return the connectors that packages bring. Spark: the `DefaultSource` of each package `pyspark_...`."""
    import pkgutil
    from importlib import import_module

    found: dict[str, Connector] = {}
    for info in pkgutil.iter_modules():
        if info.name.startswith("pyspark_"):
            source = getattr(import_module(info.name), "DefaultSource", None)
            if isinstance(source, type) and issubclass(source, DataSource):
                found[source.name().lower()] = Connector(source)
    return found


class Connector:
    """A registered class."""

    def __init__(self, source: type[DataSource]) -> None:
        self._source = source

    def open_reader(self, relation: DataSourceRead, conf: Conf) -> Reader:
        """Return the reader of a query's read.

        Raises:
            AnalysisException: PYTHON_DATA_SOURCE_ERROR; INVALID_SCHEMA.NON_STRUCT_TYPE.
        """
        from lightstream.sql.connector_read import ConnectorReader

        options = dict(relation.options)
        if len(relation.paths) == 1:
            options["path"] = relation.paths[0]
        elif relation.paths:
            options["paths"] = json.dumps(list(relation.paths), separators=(",", ":"))
        source = self.make(relation.format or "", options)
        schema = relation.schema
        if schema is None:
            schema = _schema_of(planned("create", "instance", source.schema))
        return ConnectorReader(source, schema, conf)

    def open_sink(self, request: SinkRequest, time_zone: str) -> Sink:
        """Return the sink of a streaming query."""
        from lightstream.sql.connector_write import ConnectorSink

        options = dict(request.options)
        return ConnectorSink(lambda: self.make(request.format, options), request.format, time_zone)

    def write(self, df: DataFrame, name: str, options: Mapping[str, str], overwrite: bool) -> None:
        """Write the rows of a batch query."""
        from lightstream.sql.connector_write import write_batch
        from lightstream.sql.rows import to_arrow

        zone = df._state.conf.time_zone
        source = self.make(name, options)
        write_batch(source, lambda: to_arrow(df._run().arrow(), df.schema, zone), df.schema, overwrite)

    def make(self, name: str, options: Mapping[str, str]) -> DataSource:
        """Return an instance of the class.

        Raises:
            AnalysisException: PYTHON_DATA_SOURCE_ERROR.
        """

        def made() -> DataSource:
            source = self._source
            if not (isinstance(source, type) and issubclass(source, DataSource)):
                raise mismatch("a subclass of DataSource", type(source).__name__)
            if not inspect.ismethod(source.name):
                kind = type(source.name).__name__
                raise PySparkTypeError(
                    "DATA_SOURCE_TYPE_MISMATCH",
                    f"Expected 'name()' method to be a classmethod, but got '{kind}'.",
                    parameters={"expected": "'name()' method to be a classmethod", "actual": f"'{kind}'"},
                )
            return source(options=CaseInsensitiveDict(options))

        return planned("create", "instance", made)


def _schema_of(given: Any) -> StructType:
    if isinstance(given, str):
        from lightstream.plan.ddl import parse_schema

        return parse_schema(given)
    if not isinstance(given, StructType):
        shown = given.simpleString() if hasattr(given, "simpleString") else repr(given)
        raise AnalysisException(
            "INVALID_SCHEMA.NON_STRUCT_TYPE",
            f"The schema of a data source has to be a StructType or DDL text of columns, but it is {shown}.",
            sqlstate="42K07",
            parameters={"inputSchema": shown, "dataType": shown},
        )
    return given


# ---- errors ---------------------------------------------------------------------------------------------------


def planned(action: str, kind: str, call: Callable[[], Made]) -> Made:
    """Return what a call into a connector gives before any row is read or written.

    Raises:
        AnalysisException: PYTHON_DATA_SOURCE_ERROR with the traceback of what it raised.
    """
    try:
        return call()
    except Exception as error:
        text = own_traceback(error)
        raise AnalysisException(
            "PYTHON_DATA_SOURCE_ERROR",
            f"Failed to {action} Python data source {kind}: {text}",
            sqlstate="38000",
            parameters={"action": action, "type": kind, "msg": text},
        ) from error


def own_traceback(error: Exception) -> str:
    """Return the traceback of an error in a connector, without what lightstream does before it is called."""
    frames = traceback.extract_tb(error.__traceback__)
    while len(frames) > 1 and "/lightstream/" in frames[0].filename.replace("\\", "/"):
        del frames[0]
    lines = "".join([*traceback.format_list(frames), *traceback.format_exception_only(error)])
    return f"Traceback (most recent call last):\n{lines}"


def mismatch(expected: str, actual: str) -> PySparkAssertionError:
    """Return the error for a method that gave something of another type."""
    return PySparkAssertionError(
        "DATA_SOURCE_TYPE_MISMATCH",
        f"Expected {expected}, but got '{actual}'.",
        parameters={"expected": expected, "actual": f"'{actual}'"},
    )


def copied(value: Made) -> Made:
    """Return a copy, as each of Spark's tasks has one of the reader or writer; what cannot be copied is shared."""
    try:
        return copy.deepcopy(value)
    except Exception:
        return value  # an open connection, for example: Spark would refuse it, as it cannot be sent to a task


# ---- rows -----------------------------------------------------------------------------------------------------


def read_partitions(
    reader: Any, partitions: Sequence[Any], schema: StructType, name: str, zone: str
) -> pyarrow.Table:
    """Return the rows of some partitions, each read by a copy of a reader, in the types that DuckDB is given.

    Raises:
        PythonException: reading failed, or gave what is no row of the schema.
    """
    from lightstream.sql.python_frames import collected

    def tables() -> Iterator[pyarrow.Table]:
        for number, partition in enumerate(partitions):
            if not isinstance(partition, InputPartition):
                raise mismatch("the partition value to be of type 'InputPartition'", type(partition).__name__)
            with task(number):
                rows = copied(reader).read(copied(partition))
                if not isinstance(rows, Iterator):
                    raise invalid_return(type(rows).__name__, name, "iterator")
                yield from row_tables(rows, schema, name, zone)

    return guarded(lambda: collected(tables(), schema))


def guarded(call: Callable[[], Made]) -> Made:
    """Return what a call gives that reads or writes rows.

    Raises:
        PythonException: PYTHON_EXCEPTION with the traceback of what it raised.
    """
    try:
        return call()
    except Exception as error:
        raise python_exception(error) from error


def invalid_return(kind: str, name: str, supported: str) -> PySparkRuntimeError:
    """Return the error for something that is no row, or no iterator of rows."""
    return PySparkRuntimeError(
        "DATA_SOURCE_INVALID_RETURN_TYPE",
        f"Unsupported return type ('{kind}') from Python data source '{name}'. Expected types: {supported}.",
        parameters={"type": kind, "name": name, "supported_types": supported},
    )


def row_tables(rows: Iterator[Any], schema: StructType, name: str, zone: str) -> Iterator[pyarrow.Table]:
    """Yield the rows that a reader gives: tuples, lists, Rows, Arrow record batches or Polars frames."""
    import pyarrow as pa

    from lightstream.sql.python_frames import columns_of_frame

    try:
        first = next(rows)
    except StopIteration:
        return
    every = itertools.chain((first,), rows)
    if isinstance(first, pa.RecordBatch):
        _check_batch(first, schema)
        for batch in every:
            yield _checked(columns_of_frame(batch, schema, "arrow", zone), schema)
    elif type(first).__module__.partition(".")[0] == "polars":
        for frame in every:
            table = columns_of_frame(frame, schema, "polars", zone)
            if table is not None:
                yield _checked(table, schema)
    else:
        while batch := list(itertools.islice(every, BATCH_ROWS)):
            yield _table_of(batch, schema, name)


def _table_of(records: Iterable[Any], schema: StructType, name: str) -> pyarrow.Table:
    """Return a table of rows whose values are brought to the types of a schema, as Spark does it."""
    import pyarrow as pa

    from lightstream.sql.python_functions import carried, result_converter
    from lightstream.sql.row import Row
    from lightstream.sql.rows import arrow_type

    names = schema.names
    known = set(names)
    values: list[Any] = []
    for record in records:
        if hasattr(record, "__len__") and len(record) != len(names):
            raise _schema_mismatch(len(names), len(record))
        if not isinstance(record, list | tuple):
            raise invalid_return(
                type(record).__name__, name, "tuple, list, `pyspark.sql.types.Row`, `pyarrow.RecordBatch`"
            )
        if isinstance(record, Row) and hasattr(record, "__fields__"):
            if set(record.__fields__) != known:
                raise _schema_mismatch(names, record.__fields__)
            record = [record[column] for column in names]
        values.append(record)
    columns = zip(*values, strict=True) if names else ()
    arrays = []
    for column, field in zip(columns, schema, strict=True):
        convert = result_converter(field.dataType)
        found = list(column) if convert is None else list(map(convert, column))
        arrays.append(carried(pa.array(found, type=arrow_type(field.dataType)), field.dataType))
    return _checked(pa.Table.from_arrays(arrays, names=[f"c{i}" for i in range(len(arrays))]), schema)


def _checked(table: pyarrow.Table, schema: StructType) -> pyarrow.Table:
    for column, field in zip(table.columns, schema, strict=True):
        if not field.nullable and column.null_count:
            raise PySparkValueError(
                "FIELD_NOT_NULLABLE_WITH_NAME",
                f"field {field.name}: This field is not nullable, but got None.",
                parameters={"field_name": f"field {field.name}"},
            )
    return table


def _check_batch(batch: Any, schema: StructType) -> None:
    import pyarrow as pa

    from lightstream.sql.rows import arrow_type

    if batch.num_columns != len(schema):
        raise _schema_mismatch(len(schema), batch.num_columns)
    if any(name not in batch.schema.names for name in schema.names):
        raise _schema_mismatch(schema.names, batch.schema.names)
    expected = pa.schema([pa.field(f.name, arrow_type(f.dataType), f.nullable) for f in schema])
    if not expected.equals(batch.schema):
        raise _schema_mismatch(expected, batch.schema)


def _schema_mismatch(expected: Any, actual: Any) -> PySparkException:
    return PySparkRuntimeError(
        "DATA_SOURCE_RETURN_SCHEMA_MISMATCH",
        f"Return schema mismatch in the result from 'read' method. Expected: {expected} columns, Found: {actual} "
        "columns. Make sure the returned values match the required output schema.",
        parameters={"expected": str(expected), "actual": str(actual)},
    )
