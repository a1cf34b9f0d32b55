"""Reading the rows of the next batches while the batch before them is written."""

from __future__ import annotations

import itertools
import queue
import threading
from typing import TYPE_CHECKING

from lightstream.compile.compiler import Compiled
from lightstream.database.connection import set_time_zone
from lightstream.execute.batch import execute_compiled
from lightstream.operators.profile import rows_read
from lightstream.sinks.rows import changed_rows

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
        self._readers: list[_Reader] = []
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
                self._open()
            number = next(self._numbers)
            # One table more than there are reads: the batch at hand still uses its own.
            read = _Read(what, f"{self._alias}.main.rows_{number % (_DEPTH + 1)}")
            self._reads.append(read)
            self._readers[number % _DEPTH].begin(read)

    def _open(self) -> None:
        self._alias = f"lightstream_ahead_{next(_aliases)}"
        self._cursor.execute(f"ATTACH ':memory:' AS {self._alias}")
        for _ in range(_DEPTH):
            cursor = self._cursor.cursor()
            set_time_zone(cursor, self._time_zone)
            cursor.execute("SET enable_profiling = 'no_output'")
            self._readers.append(_Reader(cursor, self._compiled, self._stream))

    def take(self, what: object) -> tuple[str, int, int] | None:
        """Return the table with a batch's rows, how many they are and how many were read; None when there is none."""
        if not self._reads or self._reads[0].what != what:
            self._discard(0)
            return None
        return self._reads.pop(0).result()

    def interrupt(self) -> None:
        """Cancel what is being read."""
        for reader in self._readers:
            reader.cursor.interrupt()

    def close(self) -> None:
        """Cancel what is being read and forget all rows."""
        self._discard(0)
        for reader in self._readers:
            reader.close()
        self._readers = []
        if self._alias:
            self._cursor.execute(f"DETACH {self._alias}")
            self._alias = ""

    def _discard(self, position: int) -> None:
        unwanted, self._reads = self._reads[position:], self._reads[:position]
        for read in unwanted:
            # A cancellation that falls between two statements is lost: it is given until it is heard.
            while not read.done.wait(0.01):
                self.interrupt()


class _Read:
    """One batch's rows on their way into a table."""

    def __init__(self, what: object, table: str) -> None:
        self.what = what
        self.table = table
        self.written = 0
        self.rows: int | None = None
        self.done = threading.Event()

    def result(self) -> tuple[str, int, int] | None:
        """Wait for the end; return the table, its rows and the rows read, None when it failed."""
        self.done.wait()
        return None if self.rows is None else (self.table, self.written, self.rows)


class _Reader:
    """A thread that reads, with a cursor of its own."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, compiled: Compiled, stream: Stream) -> None:
        self.cursor = cursor
        self._compiled = compiled
        self._stream = stream
        self._reads: queue.SimpleQueue[_Read | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._main, name="lightstream-read-ahead", daemon=True)
        self._thread.start()

    def begin(self, read: _Read) -> None:
        """Read when what was asked for before is there."""
        self._reads.put(read)

    def close(self) -> None:
        """End the thread."""
        self._reads.put(None)
        self._thread.join()
        self.cursor.close()

    def _main(self) -> None:
        while (read := self._reads.get()) is not None:
            try:
                self._run(read)
            except Exception:
                # Whatever it is: the batch reads again, and raises it if it is still so.
                read.rows = None
            read.done.set()

    def _run(self, read: _Read) -> None:
        done = execute_compiled(
            self._compiled,
            self.cursor,
            lambda scan, cursor: self._stream.scan(read.what, scan.columns, cursor),
            prefix=f"CREATE OR REPLACE TABLE {read.table} AS ",
        )
        read.written = changed_rows(done)
        read.rows = rows_read(self.cursor)
