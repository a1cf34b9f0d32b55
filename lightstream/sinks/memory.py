"""The memory sink: a table of the query's name in the session's database, which SQL can read at any time."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.execute.tables import schema_scan
from lightstream.functions.spelling import duck_type, quote, text_sql
from lightstream.plan.types import StructType
from lightstream.sinks.contract import Batch
from lightstream.sinks.rows import changed_rows, first_row

if TYPE_CHECKING:
    import duckdb

    from lightstream.database.connection import Database
    from lightstream.execute.session import SessionState

MARK = "lightstream memory sink"

_lock = threading.Lock()
_in_use: weakref.WeakKeyDictionary[Database, set[str]] = weakref.WeakKeyDictionary()


class MemorySink:
    """Appends each batch to the table, or replaces its rows in complete mode.

    The table is there, empty, once `start()` returns; it stays after the query, and a new query of the name
    replaces it. It lives as long as the session's database: in memory, or in the file that the session names.

    Guarantee: at least once; a query in append or update mode does not continue from a checkpoint (as in Spark).
    """

    description = "MemorySink"
    temporary_checkpoint = True

    def __init__(self, session: SessionState, query_name: str, schema: StructType) -> None:
        self.name = view_name(query_name)
        check_columns(schema)
        self._session = session
        self._schema = schema
        self._table = quote(self.name)
        self._held = False
        self._latest = -1

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Create the table, or replace that of an earlier query.

        Raises:
            AnalysisException: there is a table of this name that no memory sink made.
            IllegalArgumentException: another active query writes to it.
        """
        with _lock:
            names = _in_use.setdefault(self._session.database, set())
            if self.name.lower() in names:
                raise IllegalArgumentException(
                    None,
                    f"Cannot start query with name {self.name} as a query with that name is already active in this "
                    "SparkSession: its memory table would have two writers.",
                )
            names.add(self.name.lower())
            self._held = True
        cursor.execute(
            "SELECT current_database(), (SELECT any_value(coalesce(comment, '')) FROM duckdb_tables() WHERE "
            "database_name = current_database() AND schema_name = 'main' AND lower(table_name) = lower(?)), "
            "(SELECT any_value(view_name) FROM duckdb_views() WHERE NOT internal AND "
            "database_name = current_database() AND schema_name = 'main' AND lower(view_name) = lower(?))",
            [self.name, self.name],
        )
        database, comment, view = first_row(cursor) or ("memory", None, None)
        if (comment is not None and comment != MARK) or view is not None:
            raise AnalysisException(
                "TABLE_OR_VIEW_ALREADY_EXISTS",
                f"Cannot create the table {self.name} of the memory sink because the database holds a table or view "
                "of that name that no memory sink made. Choose another queryName, or drop it.",
                sqlstate="42P07",
                parameters={"relationName": self.name},
            )
        columns = ", ".join(f"{quote(f.name)} {duck_type(f.dataType)}" for f in self._schema)
        self._table = f"{quote(database)}.main.{quote(self.name)}"
        cursor.execute("BEGIN")
        cursor.execute(f"CREATE OR REPLACE TABLE {self._table} ({columns})")
        cursor.execute(f"COMMENT ON TABLE {self._table} IS {text_sql(MARK)}")
        cursor.execute("COMMIT")
        self._session.views[self.name.lower()] = schema_scan(self._table, self._schema)

    def write(self, batch: Batch) -> int:
        """Append the rows, or replace all by them."""
        if batch.batch_id <= self._latest:
            return 0
        cursor = batch.cursor
        if batch.output_mode != "complete":
            count = changed_rows(cursor.execute(f"INSERT INTO {self._table} {batch.sql}"))
        else:
            columns = ", ".join(quote(field.name) for field in batch.schema)
            cursor.execute("BEGIN")
            try:
                # A new table is faster than emptying the old one, and leaves no deleted rows behind.
                count = changed_rows(
                    cursor.execute(f"CREATE OR REPLACE TABLE {self._table} ({columns}) AS {batch.sql}")
                )
                cursor.execute(f"COMMENT ON TABLE {self._table} IS {text_sql(MARK)}")
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
        self._latest = batch.batch_id
        return count

    def idle(self) -> None:
        """Nothing to give free."""

    def stop(self) -> None:
        """Let another query use the name."""
        if self._held:
            self._held = False
            with _lock:
                _in_use[self._session.database].discard(self.name.lower())


def view_name(query_name: str) -> str:
    """Return the name of the table of a query.

    Raises:
        AnalysisException: the name cannot be that of a temporary view.
    """
    if len(query_name) > 2 and query_name[0] == query_name[-1] == "`":
        inner = query_name[1:-1]
        if "`" not in inner.replace("``", ""):
            return inner.replace("``", "`")
    parts = query_name.split(".")
    if not all(part.isidentifier() or part.replace("_", "a").isalnum() for part in parts):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1321",
            f"Invalid view name: {query_name}. Use letters, digits and underscores, or put the name in backquotes.",
            parameters={"viewName": query_name},
        )
    if len(parts) > 1:
        raise AnalysisException(
            "TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS",
            f"The name of a memory sink is that of a temporary view, which has one part, but it is {query_name}.",
            sqlstate="428EK",
            parameters={"actualName": query_name},
        )
    return query_name


def check_columns(schema: StructType) -> None:
    """Check that a table can hold these columns."""
    seen: set[str] = set()
    for name in schema.names:
        # DuckDB tells no columns apart by case, whatever the session's setting.
        if name.lower() in seen:
            raise duplicate_column(name)
        seen.add(name.lower())


def duplicate_column(name: str) -> AnalysisException:
    """Return the error for an output that has two columns of a name, which no table can hold."""
    return AnalysisException(
        "COLUMN_ALREADY_EXISTS",
        f"The column `{name.lower()}` already exists: a table cannot hold two columns of one name. Rename one of "
        "them with alias() or toDF().",
        sqlstate="42711",
        parameters={"columnName": f"`{name.lower()}`"},
    )
