"""Iceberg tables, by the library pyiceberg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightstream.errors import AnalysisException, PySparkException, SparkRuntimeException, unsupported
from lightstream.plan import types as t
from lightstream.sinks.contract import WRITTEN_TWICE, Batch, has_batch
from lightstream.sources.arrow_values import arrow_type
from lightstream.sources.iceberg import iceberg_module, open_catalog

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from pyiceberg.table import Table

_OPTIONS = ("path", "catalog", "checkpointlocation", "queryname")
_NOTED = "lightstream.batch-id."


class IcebergSink:
    """A table that a streaming query appends to, or in complete mode replaces.

    Guarantee: exactly once. The commit of a batch sets a property of the table, named after the query, to the
    batch's id: a batch whose id is there is left out.

    Args:
        path: the table's name in the catalog, `shop.orders`; the table is made if need be.
        schema: the query's columns.
        output_mode: append or complete.
        partition_by: the columns by whose values a new table is partitioned.
        options: `catalog` and `catalog.*`; keys in lower case.

    Raises:
        AnalysisException: the output mode is update.
        UnsupportedOperationException: another option; a type that Iceberg tables do not have.
        PySparkImportError: pyiceberg is missing.
    """

    temporary_checkpoint = False

    def __init__(
        self,
        path: str,
        schema: t.StructType,
        output_mode: str,
        partition_by: Sequence[str],
        options: Mapping[str, str],
    ) -> None:
        if output_mode == "update":
            raise AnalysisException(None, "Data source iceberg does not support Update output mode.")
        self._catalog = open_catalog(options, _OPTIONS)
        self._path = path
        self._schema = _arrow_schema(schema, path)
        self._partition_by = list(partition_by)
        self._query_id = ""
        self.description = f"IcebergSink[{path}]"

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Take the query's id."""
        self._query_id = query_id

    def write(self, batch: Batch) -> int:
        """Commit a batch; return its number of rows.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT when the table has later batches of the query;
                LIGHTSTREAM_ICEBERG_WRITE_FAILED.
        """
        import pyarrow as pa

        rows = batch.cursor.query(batch.sql).to_arrow_table()
        columns = [c.cast(field.type) for c, field in zip(rows.columns, self._schema, strict=True)]
        try:
            table = self._table()
            noted = table.properties.get(_NOTED + self._query_id)
            last = None if noted is None else int(noted)
            if has_batch(batch, last, f"The Iceberg table {self._path}", WRITTEN_TWICE):
                return 0
            # One commit of the catalog for the rows and the batch's id. What pyiceberg tries again after another
            # writer's commit is this whole one.
            with table.transaction() as transaction:
                if batch.output_mode == "complete" and table.current_snapshot() is not None:
                    transaction.overwrite(pa.Table.from_arrays(columns, schema=self._schema))
                elif rows.num_rows or batch.output_mode == "complete":
                    transaction.append(pa.Table.from_arrays(columns, schema=self._schema))
                transaction.set_properties({_NOTED + self._query_id: str(batch.batch_id)})
        except PySparkException:
            raise
        except Exception as error:  # pyiceberg lets through what catalogs and file systems raise
            raise SparkRuntimeException(
                "LIGHTSTREAM_ICEBERG_WRITE_FAILED",
                f"The Iceberg table {self._path} cannot be written: {error}",
                sqlstate="58030",
                parameters={"path": self._path},
            ) from None
        return int(rows.num_rows)

    def _table(self) -> Table:
        """Return the table as it is now, made if need be, at once with its partitions."""
        exceptions = iceberg_module().exceptions
        try:
            return self._catalog.load_table(self._path)
        except (exceptions.NoSuchTableError, exceptions.NoSuchNamespaceError):
            pass
        self._catalog.create_namespace_if_not_exists(self._catalog.namespace_from(self._path))
        made = self._catalog.create_table_transaction(self._path, self._schema)
        with made as transaction, transaction.update_spec() as spec:
            for name in self._partition_by:
                spec.add_identity(name)
        return self._catalog.load_table(self._path)

    def idle(self) -> None:
        """Nothing is held."""

    def stop(self) -> None:
        """Nothing is held."""


def _arrow_schema(schema: t.StructType, path: str) -> pyarrow.Schema:
    import pyarrow as pa

    try:
        return pa.schema([pa.field(field.name, arrow_type(field.dataType)) for field in schema])
    except KeyError:
        kinds = ", ".join(field.dataType.simpleString() for field in schema)
        raise unsupported(f"Writing the types {kinds} to the Iceberg table {path}") from None
