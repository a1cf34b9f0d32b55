"""Reading the rows of the next batches while the batch before them is written."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from lightstream.compile.compiler import Compiled
from lightstream.database.connection import set_time_zone
from lightstream.execute.batch import execute_compiled
from lightstream.operators.profile import rows_read

if TYPE_CHECKING:
    import duckdb

    from lightstream.sources.contract import Stream

_DEPTH = 2
_aliases = itertools.count(1)


class ReadAhead:
    """Runs the statement that reads a stream for batches to come, each in a thread of its own.

    Nothing durable depends on it. A batch whose input is not what was expected reads for itself, and so does one
    whose early read has failed: it meets the error in its turn.
    """

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, time_zone: str, compiled: Compiled, stream: Stream
    ) -> None:
        self._cursor = cursor
        self._time_zone = time_zone
        self._compiled = compiled
        self._stream = stream
        self._alias = ""
        self._numbers = itertools.count()
        self._reads: list[_Read] = []

    def start(self) -> None:
        """Begin to read what the next batches are expected to read."""
        for position, what in enumerate(self._stream.expected(_DEPTH)):
            if position < len(self._reads) and self._reads[position].what == what:
                continue
            self._discard(position)
            if not what:
                return
            if not self._alias:
                self._alias = f"lightstream_ahead_{next(_aliases)}"
                self._cursor.execute(f"ATTACH ':memory:' AS {self._alias}")
            # One table more than there are reads: the batch at hand still uses its own.
            table = f"{self._alias}.main.rows_{next(self._numbers) % (_DEPTH + 1)}"
            cursor = self._cursor.cursor()
            set_time_zone(cursor, self._time_zone)
            self._reads.append(_Read(what, table, self._compiled, self._stream, cursor))

    def take(self, what: object) -> tuple[str, int] | None:
        """Return the table with a batch's rows and how many rows were read for it; None when there is none."""
        if not self._reads or self._reads[0].what != what:
            self._discard(0)
            return None
        return self._reads.pop(0).result()

    def interrupt(self) -> None:
        """Cancel what is being read."""
        for read in list(self._reads):
            read.cursor.interrupt()

    def close(self) -> None:
        """Cancel what is being read and forget all rows."""
        self._discard(0)
        if self._alias:
            self._cursor.execute(f"DETACH {self._alias}")
            self._alias = ""

    def _discard(self, position: int) -> None:
        unwanted, self._reads = self._reads[position:], self._reads[:position]
        for read in unwanted:
            read.cancel()


class _Read:
    """One statement in one thread."""

    def __init__(
        self,
        what: object,
        table: str,
        compiled: Compiled,
        stream: Stream,
        cursor: duckdb.DuckDBPyConnection,
    ) -> None:
        self.what = what
        self.cursor = cursor
        self._table = table
        self._compiled = compiled
        self._stream = stream
        self._rows: int | None = None
        self._thread = threading.Thread(target=self._run, name="lightstream-read-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.cursor.execute("SET enable_profiling = 'no_output'")
            execute_compiled(
                self._compiled,
                self.cursor,
                lambda scan, cursor: self._stream.scan(self.what, scan.columns, cursor),
                prefix=f"CREATE OR REPLACE TABLE {self._table} AS ",
            )
            self._rows = rows_read(self.cursor)
        except Exception:
            # Whatever it is: the batch reads again, and raises it if it is still so.
            self._rows = None

    def result(self) -> tuple[str, int] | None:
        """Wait for the end; return the table and the rows read, None when it failed."""
        self._thread.join()
        self.cursor.close()
        return None if self._rows is None else (self._table, self._rows)

    def cancel(self) -> None:
        """End it and wait until it has: its table's name is used again."""
        while self._thread.is_alive():
            self.cursor.interrupt()  # lost when it falls between two statements: given until it is heard
            self._thread.join(0.01)
        self.cursor.close()
