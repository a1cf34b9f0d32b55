"""Sinks by the name of their format, and what each asks of a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    PySparkException,
    UnsupportedOperationException,
    unsupported,
)

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState
    from lightstream.plan.logical import LogicalPlan
    from lightstream.plan.types import StructType
    from lightstream.sinks.contract import Sink

FILE_FORMATS = ("parquet", "orc", "avro", "json", "csv", "text")
FORMATS = ("memory", "console", "noop", "duckdb", "delta", "iceberg", "kafka", *FILE_FORMATS)
"""The formats that `writeStream.format` takes; foreachBatch, foreach and toTable are the other sinks."""

_NOT_DONE = ("xml", "binaryfile")
_NOT_STREAMED = ("jdbc", "rate", "rate-micro-batch", "socket")


@dataclass(frozen=True, slots=True)
class SinkRequest:
    """What a `DataStreamWriter` says about where the output goes. Keys of `options` are in lower case."""

    format: str
    schema: StructType
    output_mode: str  # append, complete, update
    options: dict[str, str] = field(default_factory=dict)
    query_name: str | None = None
    table: tuple[str, ...] | None = None  # toTable
    partition_by: tuple[str, ...] = ()
    foreach: Any = None
    foreach_batch: Callable[[Any, int], Any] | None = None
    frame_of: Callable[[LogicalPlan], Any] | None = None
    rows_of: Callable[[LogicalPlan], Iterable[Any]] | None = None


def find_sink(request: SinkRequest, session: SessionState) -> Sink:
    """Return the sink that a query asks for, not yet opened.

    Raises:
        AnalysisException: Spark refuses the combination of sink and options.
        PySparkException: DATA_SOURCE_NOT_FOUND for a format that nobody knows.
        UnsupportedOperationException: Spark has the sink, lightstream does not.
    """
    if request.table is not None:
        return _table_sink(request, session)
    if request.foreach_batch is not None or request.foreach is not None:
        return _python_sink(request)
    name = request.format
    if name == "memory":
        from lightstream.sinks.memory import MemorySink

        _not_partitioned(request)
        if request.query_name is None:
            raise AnalysisException("_LEGACY_ERROR_TEMP_1194", "queryName must be specified for memory sink.")
        return MemorySink(session, request.query_name, request.schema)
    if name == "console":
        from lightstream.sinks.console import ConsoleSink, console_options

        rows, truncate = console_options(request.options)
        return ConsoleSink(session.conf.time_zone, rows, truncate)
    if name == "noop":
        from lightstream.sinks.noop import NoopSink

        return NoopSink()
    if name == "duckdb":
        return _duckdb_sink(request, session)
    if name == "delta":
        return _delta_sink(request, session)
    if name == "iceberg":
        return _iceberg_sink(request)
    if name == "kafka":
        return _kafka_sink(request)
    if name.lower() in FILE_FORMATS:
        return _file_sink(name.lower(), request, session)
    connector = session.connector(name)
    if connector is not None:
        return connector.open_sink(request, session.conf.time_zone)
    raise _refused(name, request)


def _python_sink(request: SinkRequest) -> Sink:
    from lightstream.sinks.python_function import ForeachBatchSink, ForeachSink

    if request.foreach_batch is not None and request.frame_of is not None:
        _not_partitioned(request, "foreachBatch")
        return ForeachBatchSink(request.foreach_batch, request.frame_of)
    _not_partitioned(request, "foreach")
    if request.rows_of is None:
        raise IllegalArgumentException(None, "a foreach writer needs to know how rows are made")
    return ForeachSink(request.foreach, request.rows_of)


def _table_sink(request: SinkRequest, session: SessionState) -> Sink:
    """Return the sink of `toTable`: a table of the session's database."""
    from lightstream.execute.tables import KINDS_OF_TABLES
    from lightstream.sinks.duckdb_table import DuckDBTableSink

    table = request.table or ()
    if request.format.lower() not in ("", *KINDS_OF_TABLES):
        if request.format in (*FILE_FORMATS, *_NOT_DONE):
            raise unsupported(
                f"toTable with the format {request.format}", "Tables are DuckDB tables: leave the format out."
            )
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1192",
            f"The input source({request.format}) is different from the table {'.'.join(table)}'s data source "
            "provider(duckdb).",
            parameters={"source": request.format, "tableName": ".".join(table), "provider": "duckdb"},
        )
    if "path" in request.options:
        raise unsupported("The option path of toTable", 'Use format("duckdb") with path and dbtable.')
    if len(table) == 1 and table[0].lower() in session.views:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1190",
            f"Temporary view {table[0]} doesn't support streaming write.",
            parameters={"viewName": table[0]},
        )
    _no_layout(request)
    return DuckDBTableSink(
        table_name(".".join(_quoted(part) for part in table)), request.schema, keys=_keys(request)
    )


def _file_sink(name: str, request: SinkRequest, session: SessionState) -> Sink:
    from lightstream.sinks.files.sink import FileSink

    path = request.options.get("path")
    if path is None:
        raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
    _check_partition_columns(request)
    if request.output_mode != "append":
        raise AnalysisException(
            "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE",
            f"Invalid streaming output mode: {request.output_mode}. This output mode is not supported in Data Source "
            f"{request.format}.",
            sqlstate="42KDE",
            parameters={"className": request.format, "outputMode": request.output_mode},
        )
    return FileSink(name, path, request.schema, request.options, request.partition_by, session.conf.copy())


def _duckdb_sink(request: SinkRequest, session: SessionState) -> Sink:
    from lightstream.sinks.attached import attached_file
    from lightstream.sinks.duckdb_table import DuckDBTableSink

    options = request.options
    name = options.get("dbtable") or options.get("table")
    if not name:
        raise IllegalArgumentException(
            None,
            'The duckdb sink needs the option dbtable, the name of the table: .option("dbtable", "orders").',
        )
    _no_layout(request)
    path = options.get("path")
    timeout = options.get("locktimeout", "30")
    try:
        lock_timeout_s = float(timeout)
    except ValueError:
        raise IllegalArgumentException(
            None, f"The option lockTimeout is a number of seconds, not {timeout!r}."
        ) from None
    return DuckDBTableSink(
        table_name(name),
        request.schema,
        None if path is None else attached_file(session.database, path),
        _keys(request),
        lock_timeout_s,
    )


def _delta_sink(request: SinkRequest, session: SessionState) -> Sink:
    from lightstream.sinks.delta import DeltaSink
    from lightstream.storage.opening import storage_options
    from lightstream.storage.settings import settings_of

    path = request.options.get("path")
    if path is None:
        raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
    _check_partition_columns(request)
    store = storage_options(path, settings_of(session.conf.values))
    return DeltaSink(path, request.schema, request.output_mode, request.partition_by, request.options, store)


def _iceberg_sink(request: SinkRequest) -> Sink:
    from lightstream.sinks.iceberg import IcebergSink

    path = request.options.get("path")
    if path is None:
        raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
    _check_partition_columns(request)
    return IcebergSink(path, request.schema, request.output_mode, request.partition_by, request.options)


def _kafka_sink(request: SinkRequest) -> Sink:
    from lightstream.sinks.kafka import EXACTLY_ONCE, ExactlyOnceKafkaSink, KafkaSink

    once = request.options.get(EXACTLY_ONCE.lower(), "false").lower()
    if once not in ("true", "false"):
        raise IllegalArgumentException(None, f"The option {EXACTLY_ONCE} is true or false, not {once}.")
    return ExactlyOnceKafkaSink(request.options) if once == "true" else KafkaSink(request.options)


def table_name(text: str) -> tuple[str, ...]:
    """Return the parts of a table's name; a part in backquotes or double quotes is taken as it is.

    >>> table_name("shop.`order lines`")
    ('shop', 'order lines')
    """
    parts: list[str] = []
    rest = text.strip()
    while True:
        if rest[:1] in ("`", '"'):
            quote = rest[0]
            end = 1
            while (end := rest.find(quote, end)) >= 0 and rest[end + 1 : end + 2] == quote:
                end += 2
            if end < 0:
                raise _bad_name(text)
            parts.append(rest[1:end].replace(quote * 2, quote))
            rest = rest[end + 1 :]
        else:
            part, point, after = rest.partition(".")
            parts.append(part)
            rest = point + after
        if not rest:
            break
        if rest[0] != ".":
            raise _bad_name(text)
        rest = rest[1:]
    if not all(parts):
        raise _bad_name(text)
    if len(parts) > 1 and parts[0].lower() == "spark_catalog":
        parts = parts[1:]
    if len(parts) == 2 and parts[0].lower() == "default":
        parts = parts[1:]
    if len(parts) > 2:
        raise _bad_name(text)
    return tuple(parts)


def _bad_name(text: str) -> AnalysisException:
    return AnalysisException(
        "INVALID_IDENTIFIER",
        f"The table name {text} cannot be read. Write table or schema.table, with backquotes around a part that is "
        "not made of letters, digits and underscores.",
        sqlstate="42602",
        parameters={"ident": text},
    )


def _quoted(part: str) -> str:
    return "`" + part.replace("`", "``") + "`"


def _keys(request: SinkRequest) -> tuple[str, ...]:
    text = request.options.get("keys")
    if text is None:
        return ()
    if request.output_mode != "update":
        raise IllegalArgumentException(
            None, f"The option keys is for the output mode update; the query's is {request.output_mode}."
        )
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys:
        raise IllegalArgumentException(
            None, "The option keys is empty: name the key columns, as in keys='k,window'."
        )
    return keys


def _not_partitioned(request: SinkRequest, operation: str = "memory") -> None:
    if request.partition_by:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1197",
            f"'{operation}' does not support partitioning.",
            parameters={"operation": operation},
        )


def _no_layout(request: SinkRequest) -> None:
    _check_partition_columns(request)
    if request.partition_by:
        raise unsupported("partitionBy for a DuckDB table", "DuckDB tables have no partitions: leave it out.")


def _check_partition_columns(request: SinkRequest) -> None:
    known = {name.lower() for name in request.schema.names}
    for column in request.partition_by:
        if column.lower() not in known:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1196",
                f"Partition column {column} not found in existing columns ({', '.join(request.schema.names)}).",
                parameters={
                    "columnType": "Partition",
                    "columnName": column,
                    "validColumnNames": ", ".join(request.schema.names),
                },
            )


def _refused(name: str, request: SinkRequest) -> PySparkException:
    lower = name.lower()
    if lower == "hive":
        return AnalysisException(
            "_LEGACY_ERROR_TEMP_1187",
            "Hive data source can only be used with tables, you can not write files of Hive data source directly.",
            parameters={"operation": "write"},
        )
    if lower in _NOT_DONE:
        if "path" not in request.options:
            return IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
        return unsupported(f"The streaming file sink ({lower})", f"Choose {', '.join(FILE_FORMATS)}.")
    if lower in _NOT_STREAMED:
        return UnsupportedOperationException(
            "_LEGACY_ERROR_TEMP_2049",
            f"Data source {name} does not support streamed writing.",
            parameters={"className": name, "operator": "writing"},
        )
    return PySparkException(
        "DATA_SOURCE_NOT_FOUND",
        f"Failed to find the data source: {name}. The sinks of lightstream are {', '.join(FORMATS)}, toTable, "
        "foreachBatch and foreach.",
        sqlstate="42K02",
        parameters={"provider": name},
    )
