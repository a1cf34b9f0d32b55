"""Writing through a connector: rows in, one commit message out, then commit or abort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lightstream.errors import IllegalArgumentException, PySparkRuntimeError, SparkRuntimeException
from lightstream.plan.types import StructType
from lightstream.sinks.contract import Batch
from lightstream.sql.connector import BATCH_ROWS, copied, guarded, mismatch, own_traceback, planned
from lightstream.sql.datasource import (
    DataSource,
    DataSourceArrowWriter,
    DataSourceStreamArrowWriter,
    DataSourceStreamWriter,
    DataSourceWriter,
    WriterCommitMessage,
)
from lightstream.sql.task_context import task

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from lightstream.sql.row import Row


class ConnectorSink:
    """Writes batches through a connector: a writer of its own writes each, another one commits or aborts it.

    Guarantee: at least once; a batch that is written again has the same id and the same rows.
    """

    temporary_checkpoint = False

    def __init__(self, make: Callable[[], DataSource], name: str, time_zone: str) -> None:
        self.description = (
            f"org.apache.spark.sql.execution.datasources.v2.python.PythonTable@{id(self) & 0xFFFFFFFF:x}"
        )
        self._make = make
        self._name = name
        self._time_zone = time_zone

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Nothing to open."""

    def write(self, batch: Batch) -> int:
        """Write and commit a batch.

        Raises:
            IllegalArgumentException: the output mode is update.
            AnalysisException: PYTHON_DATA_SOURCE_ERROR: there is no stream writer.
            PythonException: writing failed, and was aborted.
            SparkRuntimeException: PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR: committing failed, and was aborted.
        """
        from lightstream.sql.rows import to_arrow

        if batch.output_mode == "update":
            raise IllegalArgumentException(
                None, f"requirement failed: {self._name} does not support Update mode."
            )
        overwrite = batch.output_mode == "complete"
        table = to_arrow(batch.cursor.query(batch.sql).to_arrow_table(), batch.schema, self._time_zone)
        source = self._make()

        def writer() -> DataSourceStreamWriter:
            made = copied(source).streamWriter(batch.schema, overwrite)
            if not isinstance(made, DataSourceStreamWriter):
                raise mismatch(
                    "an instance of DataSourceStreamWriter or DataSourceStreamArrowWriter",
                    type(made).__name__,
                )
            return made

        writing = planned("initialize", "writer", writer)
        try:
            message = guarded(lambda: _written(writing, table, batch.schema))
        except Exception:
            self._end(writer, "abort", None, batch.batch_id)
            raise
        try:
            self._end(writer, "commit", message, batch.batch_id)
        except Exception:
            with suppress(Exception):  # what went wrong first is what is told
                self._end(writer, "abort", message, batch.batch_id)
            raise
        return int(table.num_rows)

    def _end(
        self,
        writer: Callable[[], DataSourceStreamWriter],
        how: str,
        message: WriterCommitMessage | None,
        batch_id: int,
    ) -> None:
        try:
            getattr(writer(), how)([message], batch_id)
        except Exception as error:
            text = own_traceback(error)
            raise SparkRuntimeException(
                "PYTHON_STREAMING_DATA_SOURCE_RUNTIME_ERROR",
                f"Failed when Python streaming data source perform {how}: {text}",
                sqlstate="38000",
                parameters={"action": how, "msg": text},
            ) from error

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Nothing to release."""


def write_batch(
    source: DataSource, table: Callable[[], pyarrow.Table], schema: StructType, overwrite: bool
) -> None:
    """Write the rows of a batch query.

    Raises:
        AnalysisException: PYTHON_DATA_SOURCE_ERROR: there is no writer, or committing failed.
        PythonException: writing failed, and was aborted.
    """

    def made() -> DataSourceWriter:
        found = source.writer(schema, overwrite)
        if not isinstance(found, DataSourceWriter):
            raise mismatch("an instance of DataSourceWriter", type(found).__name__)
        return found

    def end(how: str, message: WriterCommitMessage | None) -> None:
        planned("commit or abort", "write", lambda: getattr(copied(writer), how)([message]))

    writer = planned("initialize", "writer", made)
    try:
        message = guarded(lambda: _written(copied(writer), table(), schema))
    except Exception:
        end("abort", None)
        raise
    try:
        end("commit", message)
    except Exception:
        with suppress(Exception):  # what went wrong first is what is told
            end("abort", message)
        raise


def _written(writer: Any, table: pyarrow.Table, schema: StructType) -> WriterCommitMessage:
    batches = table.to_batches(max_chunksize=BATCH_ROWS)
    with task(0):
        if isinstance(writer, DataSourceArrowWriter | DataSourceStreamArrowWriter):
            message = writer.write(iter(batches))
        else:
            message = writer.write(_rows(batches, schema))
    if not isinstance(message, WriterCommitMessage):
        expected = "'WriterCommitMessage' as the return type of the `write` method"
        raise PySparkRuntimeError(
            "DATA_SOURCE_TYPE_MISMATCH",
            f"Expected {expected}, but got {type(message).__name__}.",
            parameters={"expected": expected, "actual": type(message).__name__},
        )
    return message


def _rows(batches: list[pyarrow.RecordBatch], schema: StructType) -> Iterator[Row]:
    from lightstream.sql.python_functions import python_values
    from lightstream.sql.row import row_of

    names = schema.names
    for batch in batches:
        columns = [
            python_values(column, field.dataType) for column, field in zip(batch.columns, schema, strict=True)
        ]
        for values in zip(*columns, strict=True):
            yield row_of(names, list(values))
