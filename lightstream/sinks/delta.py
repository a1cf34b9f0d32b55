"""Delta tables as a sink: each batch is one commit of the table, which carries the query's id and the batch's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from lightstream.errors import AnalysisException, SparkRuntimeException, unsupported
from lightstream.plan import types as t
from lightstream.sinks.contract import WRITTEN_TWICE, Batch, has_batch
from lightstream.sources.arrow_values import arrow_type
from lightstream.sources.delta.reader import delta_module, reason_of, table_uri
from lightstream.sources.file_options import flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pyarrow

    from lightstream.storage.opening import StorageOptions

Mode = Literal["append", "overwrite"]
_OPTIONS = ("path", "checkpointlocation", "mergeschema", "overwriteschema", "queryname")
_ROWS = 122_880


class DeltaSink:
    """A table that a streaming query appends to, or in complete mode replaces.

    Guarantee: exactly once. The commit of a batch carries the query's id and the batch's as an application
    transaction, as Spark's Delta sink writes it: a batch whose commit is there is left out.

    Args:
        path: the table's directory, or the URI of one in an object store.
        schema: the query's columns.
        output_mode: append or complete.
        partition_by: the columns that a new table is partitioned by.
        options: mergeSchema adds columns that the table lacks, overwriteSchema (complete mode) takes the query's.
        store: settings of the object store.

    Raises:
        AnalysisException: the output mode is update.
        UnsupportedOperationException: another option; a type that Delta tables do not have.
        PySparkImportError: deltalake is missing.
    """

    temporary_checkpoint = False

    def __init__(
        self,
        path: str,
        schema: t.StructType,
        output_mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
        store: StorageOptions = None,
    ) -> None:
        if output_mode == "update":
            raise AnalysisException(
                None,
                "Data source delta does not support Update output mode. Use append or complete; to change rows by key, "
                "merge in foreachBatch.",
            )
        delta_module()
        self._table = DeltaWriter(path, schema, partition_by, options, store)
        self._query_id = ""
        self.description = f"DeltaSink[{self._table.uri}]"

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Take the query's id."""
        self._query_id = query_id

    def write(self, batch: Batch) -> int:
        """Commit a batch; return its number of rows.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT when the table has later batches of the query.
        """
        last = self._table.last_batch_id(self._query_id)
        if has_batch(batch, last, f"The Delta table {self._table.uri}", WRITTEN_TWICE):
            return 0
        mode: Mode = "overwrite" if batch.output_mode == "complete" else "append"
        rows = batch.cursor.query(batch.sql).to_arrow_reader(_ROWS)
        return self._table.write(rows, mode, (self._query_id, batch.batch_id))

    def idle(self) -> None:
        """Nothing is held."""

    def stop(self) -> None:
        """Nothing is held."""


class DeltaWriter:
    """Writes rows to a Delta table."""

    def __init__(
        self,
        path: str,
        schema: t.StructType,
        partition_by: Sequence[str],
        options: Mapping[str, str],
        store: StorageOptions = None,
    ) -> None:
        self._store = store
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise unsupported(f"The option {unknown[0]} of the delta sink")
        self.uri = table_uri(path)
        self._path = path
        self._partition_by = list(partition_by)
        self._merges = flag(options, "mergeSchema", False)
        self._overwrites = flag(options, "overwriteSchema", False)
        self._schema = _arrow_schema(schema, path)

    def exists(self) -> bool:
        """Return whether the table is there."""
        deltalake = delta_module()
        try:
            return bool(deltalake.DeltaTable.is_deltatable(self.uri, self._store))
        except (deltalake.exceptions.DeltaError, OSError) as error:
            raise self._failed(error) from None

    def last_batch_id(self, query_id: str) -> int | None:
        """Return the newest batch of a query that the table has, None when it has none."""
        if not self.exists():
            return None
        deltalake = delta_module()
        try:
            table = deltalake.DeltaTable(self.uri, storage_options=self._store)
            last: int | None = table.transaction_version(query_id)
        except (deltalake.exceptions.DeltaError, OSError) as error:
            raise self._failed(error) from None
        return last

    def write(
        self, rows: pyarrow.RecordBatchReader, mode: Mode, transaction: tuple[str, int] | None = None
    ) -> int:
        """Write rows as one commit; return how many they are.

        Args:
            rows: the columns in the order of the schema.
            mode: what becomes of the rows that are there.
            transaction: ids of the query and the batch to put into the commit.

        Raises:
            AnalysisException: DELTA_SCHEMA_MISMATCH.
            SparkRuntimeException: LIGHTSTREAM_DELTA_WRITE_FAILED.
        """
        deltalake = delta_module()
        counted = _Counted(rows, self._schema)
        applied = [deltalake.Transaction(*transaction)] if transaction is not None else None
        try:
            deltalake.write_deltalake(
                self.uri,
                counted.reader,
                mode=mode,
                partition_by=self._partition_by or None,
                schema_mode="overwrite"
                if self._overwrites and mode == "overwrite"
                else "merge"
                if self._merges
                else None,
                commit_properties=deltalake.CommitProperties(app_transactions=applied),
                storage_options=self._store,
            )
        except deltalake.exceptions.SchemaMismatchError as error:
            raise AnalysisException(
                "DELTA_SCHEMA_MISMATCH",
                f"The rows do not fit the columns of the Delta table {self._path}: {reason_of(error)} Set the option "
                "mergeSchema to true to add columns.",
            ) from None
        except (deltalake.exceptions.DeltaError, OSError) as error:
            raise self._failed(error) from None
        return counted.rows

    def _failed(self, error: Exception) -> SparkRuntimeException:
        return SparkRuntimeException(
            "LIGHTSTREAM_DELTA_WRITE_FAILED",
            f"The Delta table {self._path} cannot be written: {reason_of(error)}",
            sqlstate="58030",
            parameters={"path": self._path},
        )


class _Counted:
    """Rows as a reader of Arrow batches with a schema, counted as they go through."""

    def __init__(self, batches: pyarrow.RecordBatchReader, schema: pyarrow.Schema) -> None:
        import pyarrow as pa

        self.rows = 0
        self._batches = batches
        self._schema = schema
        self.reader = pa.RecordBatchReader.from_batches(schema, self._counted())

    def _counted(self) -> Iterator[pyarrow.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            columns = [
                column.cast(field.type) for column, field in zip(batch.columns, self._schema, strict=True)
            ]
            yield type(batch).from_arrays(columns, schema=self._schema)


def _arrow_schema(schema: t.StructType, path: str) -> Any:
    import pyarrow as pa

    try:
        return pa.schema([pa.field(field.name, arrow_type(field.dataType)) for field in schema])
    except KeyError:
        kinds = ", ".join(field.dataType.simpleString() for field in schema)
        raise unsupported(f"Writing the types {kinds} to the Delta table {path}") from None
