"""The DuckDB instance of a session: one process-wide connection, a cursor for each thread that works."""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING, Any

from lightstream import crash
from lightstream.database.creation import ensure_database
from lightstream.errors import PySparkException

if TYPE_CHECKING:
    import duckdb


# DuckDB folds its log into the file when the log has this size. Its own 16 MB are 10,000 small batches, which the next
# start after a kill would have to go through; folding more often costs a small database nothing that can be measured.
_WAL_LIMIT = "1MB"
_FEW_CORES = 4


class Database:
    """A DuckDB database: the file that results live in, or memory. Opened by `open`, or by the first cursor."""

    def __init__(self, path: str | None = None) -> None:
        self.path = os.path.abspath(path) if path and path != ":memory:" else None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        self.global_views: dict[str, Any] = {}  # plans, by name in small letters
        # Python functions by what tells them apart: their SQL names, and what keeps them alive.
        self.python_functions: dict[Any, tuple[str, object]] = {}
        # Closed before the interpreter takes modules apart. What is registered first runs last: streaming queries,
        # which register when they start, are stopped before.
        atexit.register(self.close)

    def open(self) -> None:
        """Open it if it is not open.

        Raises:
            PySparkException: the file cannot be opened (LIGHTSTREAM_DATABASE_LOCKED when another process has it).
        """
        with self._lock:
            if self._connection is None:
                self._connection = self._open()

    def cursor(self, time_zone: str | None = None) -> duckdb.DuckDBPyConnection:
        """Return a new cursor (a DuckDB connection of its own: own transaction, own temporary tables).

        Raises:
            PySparkException: the file cannot be opened (LIGHTSTREAM_DATABASE_LOCKED when another process has it).
        """
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            cursor = self._connection.cursor()
        if time_zone is not None:
            set_time_zone(cursor, time_zone)
        return cursor

    def cursor_if_open(self) -> duckdb.DuckDBPyConnection | None:
        """Return a new cursor, or None when the database is not open."""
        with self._lock:
            return None if self._connection is None else self._connection.cursor()

    def _open(self) -> duckdb.DuckDBPyConnection:
        # DuckDB's allocator keeps freed memory in several pools for each core. With few cores one pool does: a tenth
        # less memory, at no cost. It reads this when it is loaded.
        if (os.cpu_count() or 1) <= _FEW_CORES:
            os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "narenas:1,dirty_decay_ms:10000")
        import duckdb

        from lightstream.functions.casts import macros

        try:
            if self.path is not None:
                ensure_database(self.path, lambda path: duckdb.connect(path).close())
            connection = duckdb.connect(self.path or ":memory:")
        except duckdb.Error as error:
            raise _cannot_open(self.path or ":memory:", error) from None
        if crash.at is not None:
            crash.at("database-opened")
        connection.execute(f"SET checkpoint_threshold = '{_WAL_LIMIT}'")
        # Constants come to stand in the orders of aggregates; there they order nothing, whole ones too.
        connection.execute("SET GLOBAL order_by_non_integer_literal = true")
        for statement in macros():
            connection.execute(statement)
        if self.path is not None:
            # DuckDB lets no other process in while the file is open here: this process answers them.
            from lightstream.database.peer import serve

            serve(self)
        return connection

    def close(self) -> None:
        """Close the instance; cursors that are still used fail afterwards."""
        with self._lock:
            if self._connection is None:
                return
            if self.path is not None:
                from lightstream.database.peer import stop

                stop(self)
            if crash.at is not None:
                crash.at("database-closing")
            self._connection.close()
            self.python_functions.clear()
            self._connection = None
            if crash.at is not None:
                crash.at("database-closed")


def set_time_zone(cursor: duckdb.DuckDBPyConnection, time_zone: str) -> None:
    """Set the time zone in which a cursor shows and reads timestamps."""
    cursor.execute("SET TimeZone = '" + time_zone.replace("'", "''") + "'")


def _cannot_open(path: str, error: Exception) -> PySparkException:
    text = str(error)
    if "lock" in text.lower():
        return PySparkException(
            "LIGHTSTREAM_DATABASE_LOCKED",
            f"The database {path} is open in another process, and DuckDB lets one process at a time write to a file. "
            f'Stop that process, or query it with: lightstream sql {path} "select ..."  ({text})',
        )
    return PySparkException(
        "LIGHTSTREAM_DATABASE_UNUSABLE",
        f"The database {path} cannot be opened: {text} Name a file that DuckDB can create or read.",
    )
