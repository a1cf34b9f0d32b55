"""Rows that a program adds while a query reads them: the source of tests (`lightstream.testing`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.functions.spelling import quote
from lightstream.plan.required import Required
from lightstream.plan.types import StructType
from lightstream.sources.contract import Scan

if TYPE_CHECKING:
    import duckdb
    import pyarrow


class MemorySource:
    """Rows in memory, by the call that added them. They stay for queries that start again, and for several queries.

    Offsets are those of Spark's memory stream: the number of the call, from 0.

    Args:
        schema: the rows' columns.
        empty: a table without rows, whose columns are named c0, c1, ... and have DuckDB's types.
    """

    metadata: StructType | None = None
    name = "memory"

    def __init__(self, schema: StructType, empty: pyarrow.Table) -> None:
        self.schema = schema
        self._empty = empty
        self._added: list[pyarrow.Table] = []
        self._streams: list[MemoryStream] = []
        self._lock = threading.Lock()

    @property
    def latest(self) -> int:
        """The offset of the newest rows, -1 when there are none."""
        return len(self._added) - 1

    def add(self, rows: pyarrow.Table) -> None:
        """Add rows, and wake the queries that read them."""
        with self._lock:
            self._added.append(rows)
            streams = list(self._streams)
        for stream in streams:
            stream.wakeup()

    def between(self, start: int, end: int) -> pyarrow.Table:
        """Return the rows after one offset, up to and including another."""
        import pyarrow

        with self._lock:
            return pyarrow.concat_tables([self._empty, *self._added[start + 1 : end + 1]])

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows, for a batch query."""
        return self.scan_between(-1, self.latest, columns)

    def scan_between(self, start: int, end: int, columns: tuple[Required, ...]) -> Scan:
        """Return the columns of the rows between two offsets."""
        rows = self.between(start, end)
        positions = {name: position for position, name in enumerate(self.schema.names)}
        items = ", ".join(f"c{positions[column.path[0]]} AS {quote(column.output)}" for column in columns)
        frame = f"lightstream_memory_{id(rows)}"
        return Scan(f"(SELECT {items or '1 AS one'} FROM {frame})", {frame: rows})

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> MemoryStream:
        """Start reading as a stream; what was read is in the query's offset log alone."""
        stream = MemoryStream(self)
        with self._lock:
            self._streams.append(stream)
        return stream

    def closed(self, stream: MemoryStream) -> None:
        """Forget a stream."""
        with self._lock:
            self._streams.remove(stream)


class MemoryStream:
    """One query's reading of a `MemorySource`."""

    needs_polling = False

    def __init__(self, source: MemorySource) -> None:
        self._source = source
        self._horizon: int | None = None
        self.description = f"MemoryStream[{','.join(source.schema.names)}]"
        self.wakeup: Callable[[], None] = lambda: None

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the offset of the newest rows."""
        latest = self._source.latest if self._horizon is None else self._horizon
        return start if latest < 0 else str(latest)

    def input_of(self, start: str | None, end: str | None) -> tuple[int, int]:
        """Return the offsets as numbers."""
        return _number(start), _number(end)

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early."""
        return ()

    def scan(
        self, what: tuple[int, int], columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows between two offsets."""
        return self._source.scan_between(*what, columns)

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Tell nothing: Spark's memory stream reports no newest offset."""
        return None, {}

    def prepare_available_now(self) -> bool:
        """Fix what is there now."""
        self._horizon = self._source.latest
        return True

    def commit(self, end: str) -> None:
        """Keep the rows: other queries may read them."""

    def interrupt(self) -> None:
        """Nothing waits here."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Take the function to call when rows are added."""
        self.wakeup = wakeup

    def stop(self) -> None:
        """Hear of no more rows."""
        self._source.closed(self)


def _number(offset: str | None) -> int:
    return -1 if offset is None else int(offset)
