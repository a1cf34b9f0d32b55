"""DuckDB files of others: attached while a query writes to them, given back when it has nothing to write."""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from lightstream import crash
from lightstream.database.creation import attach, attach_once, ensure_database
from lightstream.errors import PySparkException

if TYPE_CHECKING:
    import duckdb

    from lightstream.database.connection import Database

_aliases = itertools.count(1)
_lock = threading.Lock()
_of_database: weakref.WeakKeyDictionary[Database, dict[str, AttachedFile]] = weakref.WeakKeyDictionary()


class AttachedFile:
    """One DuckDB file in one DuckDB instance, shared by the queries of this process that write to it.

    DuckDB keeps all other processes out of a file that is attached for writing. So it is attached for the writing,
    stays attached while batches follow each other, and is detached when a query goes idle, or after `longest_s` at
    the latest.
    """

    longest_s = 1.0

    def __init__(self, path: str) -> None:
        self.path = path
        self.alias = f"lightstream_file_{next(_aliases)}"
        self._lock = threading.RLock()
        self._users = 0
        self._attached_at: float | None = None

    def enter(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float) -> None:
        """Attach the file if it is not, and keep it until `leave`.

        Raises:
            PySparkException: LIGHTSTREAM_DATABASE_LOCKED when another process has it for longer than `timeout_s`;
                LIGHTSTREAM_DATABASE_UNUSABLE when it is no database.
        """
        with self._lock:
            if self._attached_at is None:
                self._attach(cursor, timeout_s)
                self._attached_at = time.monotonic()
            self._users += 1

    def leave(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """End what `enter` began."""
        with self._lock:
            self._users -= 1
            if self._attached_at is not None and time.monotonic() - self._attached_at > self.longest_s:
                self._detach(cursor)

    def give_back(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Detach the file unless someone is writing to it."""
        with self._lock:
            self._detach(cursor)

    def _attach(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float) -> None:
        import duckdb

        deadline = time.monotonic() + timeout_s
        while True:
            try:
                ensure_database(self.path, lambda path: attach_once(cursor, path))
                attach(cursor, self.path, self.alias)
                if crash.at is not None:
                    crash.at("file-attached")
                return
            except duckdb.Error as error:
                text = str(error)
                locked = "lock" in text.lower()
                if not locked:
                    raise PySparkException(
                        "LIGHTSTREAM_DATABASE_UNUSABLE",
                        f"The database {self.path} cannot be opened: {text} Name a file that DuckDB can create or "
                        "read.",
                    ) from None
                if time.monotonic() >= deadline:
                    raise PySparkException(
                        "LIGHTSTREAM_DATABASE_LOCKED",
                        f"The database {self.path} was held by another process for {timeout_s:g} seconds, and "
                        "DuckDB lets one process at a time write to a file. Close it there, or raise the sink's "
                        f"option lockTimeout.  ({text})",
                    ) from None
            time.sleep(0.02)

    def _detach(self, cursor: duckdb.DuckDBPyConnection) -> None:
        if self._attached_at is not None and self._users == 0:
            if crash.at is not None:
                crash.at("file-detaching")
            try:
                cursor.execute(f"DETACH {self.alias}")
            finally:
                # Also when the disk refuses the checkpoint that goes with it: the rows are in the write-ahead log.
                self._attached_at = None
            if crash.at is not None:
                crash.at("file-detached")


def attached_file(database: Database, path: str) -> AttachedFile | None:
    """Return the attachment of a file to a database; None when the file is the database itself."""
    real = os.path.realpath(path)
    if database.path is not None and os.path.realpath(database.path) == real:
        return None
    with _lock:
        files = _of_database.setdefault(database, {})
        found = files.get(real)
        if found is None:
            found = files[real] = AttachedFile(real)
        return found
