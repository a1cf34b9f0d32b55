"""One batch on its way through a plan's steps: what it reads, the tables that the steps make, its watermarks."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightstream.compile.compiler import Compiled, CompiledScan
from lightstream.errors import internal
from lightstream.execute.batch import batch_scan, execute_compiled, fetch_compiled
from lightstream.functions.spelling import quote
from lightstream.operators.contract import BatchInput, EventTimeStats
from lightstream.operators.profile import rows_read
from lightstream.plan import logical as lp
from lightstream.sinks.rows import changed_rows
from lightstream.sources.contract import Scan, Stream

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from lightstream.operators.ahead import ReadAhead


class BatchRun:
    """One micro-batch.

    A stream that only one statement needs, which reads nothing else, is read by it, and its profile tells how many
    rows there were. Others are read into temporary tables first.

    Args:
        batch: ids, offsets, watermarks.
        cursor: where all statements run.
        scans: the plan's streaming sources.
        streams: them running.
        direct: the streams that are read by the statement that needs them, by their numbers.
        ahead: what may have been read of these already.
    """

    def __init__(
        self,
        batch: BatchInput,
        cursor: duckdb.DuckDBPyConnection,
        scans: Sequence[lp.DataSourceScan],
        streams: Sequence[Stream],
        direct: Container[int],
        ahead: Mapping[int, ReadAhead],
    ) -> None:
        self.batch = batch
        self.cursor = cursor
        self.event_times: list[EventTimeStats] = []
        self.metrics: dict[str, dict[str, Any]] = {}
        self._scans = scans
        self._streams = streams
        self._direct = direct
        self._ahead = ahead
        self._rows: dict[int, int] = {}
        self._places: dict[str, str] = {}
        self._inputs = itertools.count()

    def at(self, watermark_ms: int, late_watermark_ms: int) -> BatchRun:
        """Return the same run as a step sees it whose watermarks are others than the query's."""
        batch = replace(self.batch, watermark_ms=watermark_ms, late_watermark_ms=late_watermark_ms)
        if batch == self.batch:
            return self
        seen = copy.copy(self)
        seen.batch = batch
        return seen

    # ---- tables -----------------------------------------------------------------------------------------------

    def read(self, table: str, compiled: Compiled) -> int:
        """Run a statement into a temporary table (`table` is its bare name), or take what was read ahead for it.

        Return the number of its rows.
        """
        early = self.early(table, compiled)
        return self.create(table, compiled) if early is None else early

    def create(self, table: str, compiled: Compiled) -> int:
        """Run a statement that may read streams into a temporary table; return its number of rows."""
        prefix = f"CREATE OR REPLACE TEMP TABLE {table} AS "
        created = changed_rows(
            execute_compiled(self._placed(compiled), self.cursor, self._scan, prefix=prefix)
        )
        index = self._read_by(compiled)
        if index is not None and index not in self._rows:
            self._rows[index] = rows_read(self.cursor)
        return created

    def early(self, table: str, compiled: Compiled) -> int | None:
        """Return the number of rows of a statement that was run ahead, and have them where `place` puts the table.

        None when it was not run.
        """
        self._places.pop(qualified(table), None)
        index = self._read_by(compiled)
        if index is None or index not in self._ahead:
            return None
        found = self._ahead[index].take(self._input(index))
        if found is None:
            return None
        self._places[qualified(table)], written, self._rows[index] = found
        return written

    def statement(self, table: str, sql: str) -> int:
        """Run a SELECT over temporary tables and state into a temporary table; return its number of rows."""
        return changed_rows(self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {self.place(sql)}"))

    def value(self, sql: str) -> int:
        """Return the number that a SELECT over temporary tables gives."""
        [found] = self.values(sql)
        return found

    def values(self, sql: str) -> list[int]:
        """Return the numbers in the one row that a SELECT over temporary tables gives."""
        [row] = self.cursor.execute(self.place(sql)).fetchall()
        return list(map(int, row))

    def row(self, compiled: Compiled, projection: str) -> tuple[Any, ...]:
        """Return what a projection gives of the one row of a statement over temporary tables.

        Raises:
            PySparkException: Spark's error for what DuckDB refused.
        """
        [found] = fetch_compiled(self._placed(compiled), self.cursor, self._scan, projection)
        return tuple(found)

    def arrow(self, sql: str) -> pyarrow.Table:
        """Return the rows of a SELECT over temporary tables."""
        return self.cursor.query(self.place(sql)).to_arrow_table()

    def take(self, table: str, rows: pyarrow.Table) -> None:
        """Make a temporary table (`table` is its bare name) of an Arrow table."""
        self.cursor.register("lightstream_taken", rows)
        try:
            self.cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE {quote(table)} AS SELECT * FROM lightstream_taken"
            )
        finally:
            self.cursor.unregister("lightstream_taken")

    def place(self, sql: str) -> str:
        """Return a statement with the tables where they are: what was read ahead is not where it is expected."""
        for expected, place in self._places.items():
            sql = re.sub(rf"{re.escape(expected)}\b", place, sql)
        return sql

    def _placed(self, compiled: Compiled) -> Compiled:
        return Compiled(self.place(compiled.template), compiled.scans, compiled.names)

    # ---- reading ----------------------------------------------------------------------------------------------

    def rows(self) -> tuple[int, ...]:
        """Return the rows read, by source."""
        return tuple(self._rows.get(i, 0) for i in range(len(self._streams)))

    def _read_by(self, compiled: Compiled) -> int | None:
        """Return which stream a statement reads itself; None where it reads none, or through tables."""
        return next((i for scan in compiled.scans if (i := self._index(scan)) in self._direct), None)

    def _index(self, scan: CompiledScan) -> int | None:
        return next((i for i, known in enumerate(self._scans) if known is scan.node), None)

    def _input(self, index: int) -> object:
        return self._streams[index].input_of(self.batch.starts[index], self.batch.ends[index])

    def _scan(self, scan: CompiledScan, cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return what stands in a statement for a scan."""
        index = self._index(scan)
        if index is None:
            if isinstance(scan.node, lp.DataSourceScan) and scan.node.is_streaming:
                raise internal("a stream that is not one of the plan's")
            return batch_scan(scan, cursor)
        if index in self._direct:
            found = self._streams[index].scan(self._input(index), scan.columns, cursor)
            if found.rows is not None:
                self._rows[index] = found.rows
            return found
        table = f"lightstream_input_{next(self._inputs)}"
        whole = Compiled("SELECT * FROM \x01scan0\x01 AS scan_0", (scan,), ())
        done = execute_compiled(
            whole,
            cursor,
            lambda scan, cursor: self._streams[index].scan(self._input(index), scan.columns, cursor),
            prefix=f"CREATE OR REPLACE TEMP TABLE {table} AS ",
        )
        # Spark: a source that is read twice counts its rows twice.
        self._rows[index] = self._rows.get(index, 0) + changed_rows(done)
        return Scan(qualified(table))


def qualified(table: str) -> str:
    """Return the full name of a temporary table."""
    return f"temp.main.{table}"
