"""The DuckDB table sink: `toTable(...)` and `format("duckdb")`, exactly once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lightstream import crash
from lightstream.errors import AnalysisException, PySparkException, SparkRuntimeException
from lightstream.functions.spelling import duck_type, quote, text_sql
from lightstream.plan.types import StructType
from lightstream.sinks.attached import AttachedFile
from lightstream.sinks.contract import Batch, has_batch
from lightstream.sinks.memory import check_columns
from lightstream.sinks.rows import changed_rows, first_row

if TYPE_CHECKING:
    import duckdb

BOOKS = "lightstream.batches"
"""The table, in the target database, of the last batch that each query wrote to each table."""

logger = logging.getLogger(__name__)

_ATTEMPTS = 5
_preparing = threading.Lock()


class DuckDBTableSink:
    """Writes batches to a DuckDB table: rows appended, all replaced (complete), or one row a key (`keys`).

    The table is created with the query's columns if it is not there; one that is there must have the same columns,
    in any order.

    Guarantee: exactly once. Rows and batch id are written in one transaction, and a batch that the table has is
    skipped.

    Args:
        name: the table's name in parts, `("orders",)` or `("shop", "orders")`.
        file: the DuckDB file, None for the session's own database.
        keys: in update mode, the columns that tell rows apart: a new row replaces the one with its key.
        lock_timeout_s: how long to wait for another process that has the file open.
    """

    temporary_checkpoint = False

    def __init__(
        self,
        name: tuple[str, ...],
        schema: StructType,
        file: AttachedFile | None = None,
        keys: tuple[str, ...] = (),
        lock_timeout_s: float = 30.0,
    ) -> None:
        check_columns(schema)
        self.name = name
        self.description = f"DuckDBTable[{'.'.join(name)}]"
        self._schema_name = name[-2] if len(name) > 1 else "main"
        self._schema = schema
        self._file = file
        self._keys = _known_keys(keys, schema)
        self._lock_timeout_s = lock_timeout_s
        self._query_id = ""
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._database = ""
        self._latest: int | None = None
        self._insert = ""
        self._entry = ""

    # ---- life ---------------------------------------------------------------------------------------------------

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Create what is missing, compare what is there, and look up the last batch.

        Raises:
            AnalysisException: the table has other columns, or is a view, or its schema does not exist.
        """
        self._query_id = query_id
        self._cursor = cursor
        if self._file is not None:
            self._database = self._file.alias
        else:
            row = first_row(cursor.execute("SELECT current_database()"))
            self._database = row[0] if row is not None else "memory"
        table = f"{quote(self._database)}.{quote(self._schema_name)}.{quote(self.name[-1])}"
        books = f"{quote(self._database)}.{BOOKS}"
        names = ", ".join(quote(field.name) for field in self._schema)
        self._insert = f"INSERT INTO {table} ({names}) "
        self._entry = (
            f"UPDATE {books} SET batch_id = {{}} WHERE query_id = {text_sql(query_id)} AND "
            f"table_name = {text_sql('.'.join((self._schema_name, self.name[-1])))}"
        )
        self._table = table
        # One query at a time: two that make the same schema or table at once would conflict.
        with self._entered(cursor), _preparing:
            self._prepare(cursor, table, books)
        self.idle()

    def idle(self) -> None:
        """Let other processes open the file."""
        if self._file is not None and self._cursor is not None:
            self._file.give_back(self._cursor)

    def stop(self) -> None:
        """Let other processes open the file."""
        self.idle()

    @contextmanager
    def _entered(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
        if self._file is None:
            yield
            return
        self._file.enter(cursor, self._lock_timeout_s)
        try:
            yield
        finally:
            self._file.leave(cursor)

    # ---- preparation --------------------------------------------------------------------------------------------

    def _prepare(self, cursor: duckdb.DuckDBPyConnection, table: str, books: str) -> None:
        cursor.execute(
            "SELECT table_type FROM information_schema.tables WHERE table_catalog = ? AND "
            "lower(table_schema) = lower(?) AND lower(table_name) = lower(?)",
            [self._database, self._schema_name, self.name[-1]],
        )
        found = first_row(cursor)
        if found is not None and found[0] != "BASE TABLE":
            raise AnalysisException(
                "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
                f"{'.'.join(self.name)} is a view, and a stream can be written to a table only. Name a table.",
                sqlstate="42809",
                parameters={"viewName": ".".join(self.name)},
            )
        if found is not None:
            self._compare(cursor, table)
        with _transaction(cursor):
            cursor.execute("BEGIN")
            if found is None:
                self._check_schema_name(cursor)
                columns = ", ".join(f"{quote(f.name)} {duck_type(f.dataType)}" for f in self._schema)
                cursor.execute(f"CREATE TABLE {table} ({columns})")
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(self._database)}.lightstream")
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {books} (query_id VARCHAR, table_name VARCHAR, batch_id BIGINT)"
            )
            where = self._entry.partition(" WHERE ")[2]
            row = first_row(cursor.execute(f"SELECT max(batch_id) FROM {books} WHERE {where}"))
            self._latest = row[0] if row is not None else None
            if self._latest is None:
                label = ".".join((self._schema_name, self.name[-1]))
                cursor.execute(f"DELETE FROM {books} WHERE {where}")
                cursor.execute(f"INSERT INTO {books} VALUES (?, ?, -1)", [self._query_id, label])
                self._latest = -1
            if crash.at is not None:
                crash.at("table-made")
        if crash.at is not None:
            crash.at("table-ready")

    def _check_schema_name(self, cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(
            "SELECT 1 FROM duckdb_schemas() WHERE database_name = ? AND lower(schema_name) = lower(?)",
            [self._database, self._schema_name],
        )
        if first_row(cursor) is None:
            raise AnalysisException(
                "SCHEMA_NOT_FOUND",
                f"The schema `{self._schema_name}` of the table {'.'.join(self.name)} cannot be found. "
                "Create it first, or leave it out.",
                sqlstate="42704",
                parameters={"schemaName": f"`{self._schema_name}`"},
            )

    def _compare(self, cursor: duckdb.DuckDBPyConnection, table: str) -> None:
        """Check that an existing table has the columns of the query."""
        wanted_sql = ", ".join(
            f"CAST(NULL AS {duck_type(f.dataType)}) AS c{i}" for i, f in enumerate(self._schema)
        )
        wanted_types = [kind for _, kind in _columns(cursor, f"SELECT {wanted_sql}")]
        wanted = {f.name.lower(): kind for f, kind in zip(self._schema, wanted_types, strict=True)}
        present = {name.lower(): kind for name, kind in _columns(cursor, f"SELECT * FROM {table}")}
        label = ".".join(self.name)
        extra = [name for name in wanted if name not in present]
        missing = [name for name in present if name not in wanted]
        hint = "Write to another table, or bring the query's columns to those of the table with select()."
        if extra:
            names = ", ".join(f"`{name}`" for name in extra)
            raise _incompatible(
                "EXTRA_COLUMNS", label, f"it has no columns {names}. {hint}", extraColumns=names
            )
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            raise _incompatible(
                "CANNOT_FIND_DATA",
                label,
                f"the query has no data for its columns {names}. {hint}",
                colName=names,
            )
        for name, kind in wanted.items():
            if present[name] != kind:
                raise _incompatible(
                    "CANNOT_SAFELY_CAST",
                    label,
                    f"its column `{name}` is {present[name]}, the query's is {kind}. {hint}",
                    colName=f"`{name}`",
                    srcType=kind,
                    targetType=present[name],
                )

    # ---- a batch ------------------------------------------------------------------------------------------------

    def write(self, batch: Batch) -> int:
        """Write the rows and the batch id in one transaction; nothing when the table has the batch.

        Raises:
            SparkRuntimeException: the table has batches that the checkpoint does not know.
        """
        latest = -1 if self._latest is None else self._latest
        hint = (
            "Going on would write rows twice. Restore checkpoint and database from copies of one moment, or "
            "write to another table."
        )
        if has_batch(batch, latest, f"The table {'.'.join(self.name)}", hint):
            return 0
        if batch.batch_id > latest + 1 and batch.output_mode != "complete":
            self._check_gap(latest, batch.batch_id)
        with self._entered(batch.cursor):
            rows = self._write(batch)
        self._latest = batch.batch_id
        return rows

    def _check_gap(self, latest: int, batch_id: int) -> None:
        name = ".".join(self.name)
        if latest < 0:
            logger.warning(
                "The table %s has no batch of this query yet and begins with batch %d: the rows of earlier batches "
                "are not in it. They went to another sink, or the table was made anew.",
                name,
                batch_id,
            )
            return
        raise SparkRuntimeException(
            "LIGHTSTREAM_SINK_BEHIND_CHECKPOINT",
            f"The table {name} ends with batch {latest} of this query, and its checkpoint goes on with batch "
            f"{batch_id}: the rows of the batches between are missing. An older copy of the database was put in its "
            "place, or these batches were written elsewhere. Restore the checkpoint and the database from copies of "
            "the same moment; or, to go on without these rows, run DELETE FROM lightstream.batches WHERE query_id = "
            f"{text_sql(self._query_id)} in the database.",
            sqlstate="42K03",
            parameters={"tableName": name, "batchId": str(batch_id)},
        )

    def _write(self, batch: Batch) -> int:
        import duckdb

        cursor = batch.cursor
        for attempt in range(_ATTEMPTS):
            try:
                with _transaction(cursor):
                    entry = self._entry.format(batch.batch_id)
                    complete = batch.output_mode == "complete"
                    # What can go in one call does: calls are a good part of a small batch's time.
                    statement = f"DELETE FROM {self._table}; {entry}" if complete else entry
                    if changed_rows(cursor.execute(f"BEGIN; {statement}")) != 1:
                        raise _books_lost(self.name)
                    if crash.at is not None:
                        crash.at("batch-noted")
                    if self._keys and not complete:
                        self._delete_keys(cursor, batch)
                    if crash.at is not None:
                        crash.at("rows-deleted")
                    count = changed_rows(cursor.execute(self._insert + batch.sql))
                    if crash.at is not None:
                        crash.at("rows-inserted")
                return count
            except duckdb.TransactionException:
                # Someone else changed the same rows at the same moment.
                if attempt == _ATTEMPTS - 1:
                    raise
        return 0

    def _delete_keys(self, cursor: duckdb.DuckDBPyConnection, batch: Batch) -> None:
        """Remove the rows that this batch has new versions of."""
        columns = [f"c{i}" for i in range(len(batch.schema.fields))]
        by_name = {field.name.lower(): column for field, column in zip(batch.schema, columns, strict=True)}
        keys = [by_name[key.lower()] for key in self._keys]
        source = f"(SELECT {', '.join(keys)} FROM ({batch.sql}) AS batch({', '.join(columns)}))"
        twice = first_row(
            cursor.execute(f"SELECT {', '.join(keys)} FROM {source} GROUP BY ALL HAVING count(*) > 1 LIMIT 1")
        )
        if twice is not None:
            raise PySparkException(
                "LIGHTSTREAM_DUPLICATE_KEY",
                f"Batch {batch.batch_id} has two rows with the key ({', '.join(self._keys)}) = {twice}, and which of "
                f"them is the new row of {'.'.join(self.name)} is not defined. Make the option keys cover the "
                "grouping columns of the query.",
                sqlstate="23505",
            )
        matches = " AND ".join(
            f"target.{quote(name)} IS NOT DISTINCT FROM batch.{column}"
            for name, column in zip(self._keys, keys, strict=True)
        )
        cursor.execute(f"DELETE FROM {self._table} AS target USING {source} AS batch WHERE {matches}")


@contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done, or roll it back; what is done first begins the transaction."""
    import duckdb

    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.Error):  # a COMMIT that failed has rolled back already
            cursor.execute("ROLLBACK")
        raise


def _columns(cursor: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    """Return names and types of a query's columns."""
    cursor.execute(f"{sql} LIMIT 0")
    found = [(str(column[0]), str(column[1])) for column in cursor.description]
    cursor.fetchall()
    return found


def _known_keys(keys: tuple[str, ...], schema: StructType) -> tuple[str, ...]:
    known = {name.lower() for name in schema.names}
    for key in keys:
        if key.lower() not in known:
            raise AnalysisException(
                "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                f"The option keys names the column `{key}`, which the query does not have. "
                f"Its columns are {', '.join(schema.names)}.",
                sqlstate="42703",
                parameters={"objectName": f"`{key}`", "proposal": ", ".join(f"`{n}`" for n in schema.names)},
            )
    return keys


def _books_lost(name: tuple[str, ...]) -> SparkRuntimeException:
    return SparkRuntimeException(
        "LIGHTSTREAM_SINK_BOOKS_LOST",
        f"The row of {BOOKS} that tells which batches {'.'.join(name)} holds was removed while the query ran. Without "
        "it rows could be written twice. Leave that table alone, and start the query again.",
        sqlstate="42K03",
        parameters={"tableName": ".".join(name)},
    )


def _incompatible(subcondition: str, table: str, why: str, **parameters: str) -> AnalysisException:
    return AnalysisException(
        f"INCOMPATIBLE_DATA_FOR_TABLE.{subcondition}",
        f"Cannot write incompatible data for the table {table}: {why}",
        sqlstate="KD000",
        parameters={"tableName": table, **parameters},
    )
