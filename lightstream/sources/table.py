"""A table of the database as a stream of the rows that are appended to it (`spark.readStream.table`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.errors import SparkRuntimeException, unsupported
from lightstream.functions.spelling import quote
from lightstream.plan.required import Required
from lightstream.plan.types import StructType
from lightstream.sources.contract import Scan

if TYPE_CHECKING:
    import duckdb

    from lightstream.database.connection import Database

_FILE_LIMITS = ("maxfilespertrigger", "maxbytespertrigger")


class TableReader:
    """A table that rows are appended to.

    DuckDB numbers rows in the order in which they are committed and keeps the numbers as long as none is deleted. So
    the rows of a batch are those between two numbers, also when it is run again.

    Spark: such a table is a directory of files, of which a batch takes those that are new.

    Args:
        name: the table as the program names it.
        table: its full name in SQL.
        schema: its columns.
        database: where it is.
        options: as the program gave them; those that Spark's files do not know are ignored, as there.

    Raises:
        UnsupportedOperationException: an option counts files, or a column is called rowid.
    """

    metadata: StructType | None = None
    name = "table"

    def __init__(
        self, name: str, table: str, schema: StructType, database: Database, options: Mapping[str, str]
    ) -> None:
        for option in options:
            if option.lower() in _FILE_LIMITS:
                raise unsupported(
                    f"The option {option} of a table",
                    "A table has no files: a batch takes all rows that are new.",
                )
        if any(column.lower() == "rowid" for column in schema.names):
            raise unsupported(
                f"Reading the table {name} as a stream",
                "Its column rowid hides the numbers of DuckDB's rows.",
            )
        self.schema = schema
        self.database = database
        self.shown = name
        self.table = table

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows, for a batch query."""
        return Scan(f"(SELECT {_items(columns)} FROM {self.table})")

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> TableStream:
        """Start reading as a stream; what was read is in the query's offset log alone."""
        return TableStream(self)


class TableStream:
    """One query's reading of a table.

    An offset is how many rows were read, and what the last of them was: by it a table that was made anew is told from
    the one that was read.
    """

    needs_polling = True

    def __init__(self, reader: TableReader) -> None:
        self._reader = reader
        self._cursor = reader.database.cursor("UTC")  # timestamps in offsets read the same in every session
        self._all = f"SELECT count(*) FROM {reader.table}"
        self._most: int | None = None
        self._planned: str | None = None
        self._has_looked = False
        self.description = f"DuckDBTable[{reader.shown}]"

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the offset after the table's last row.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_TABLE_NOT_APPENDED_TO when rows that were read are gone.
        """
        read = 0 if start is None else _rows(start)
        count = self._value(self._all, read)
        end = count if self._most is None else min(count, self._most)
        if start is not None and (count != read or not self._has_looked):
            self._check_read(start)
        self._has_looked = True
        if end == read:
            return start
        self._check_appended(read)
        self._planned = self._offset(end)
        return self._planned

    def _check_appended(self, read: int) -> None:
        """Check that the rows from a number on are all there are beside those before it."""
        table = self._reader.table
        is_so = (
            f"min(rowid) = {read} AND max(rowid) - {read} + 1 = count(*) "
            f"AND count(*) = (SELECT count(*) FROM {table}) - {read}"
        )
        if not self._value(f"SELECT {is_so} FROM {table} WHERE rowid >= {read}", read):
            raise _changed(self._reader.shown, read)

    def _check_read(self, offset: str) -> None:
        """Check that the last row before an offset is still the one that was read."""
        rows = _rows(offset)
        if self._offset(rows) != offset:
            raise _changed(self._reader.shown, rows)

    def _offset(self, count: int) -> str:
        """Return the offset after some rows."""
        table = self._reader.table
        last = self._value(
            f"SELECT md5(CAST(lightstream_row AS VARCHAR)) FROM {table} AS lightstream_row WHERE rowid = {count - 1}",
            count,
        )
        return json.dumps({"rows": count, "last": last}, separators=(",", ":"))

    def _value(self, sql: str, read: int) -> Any:
        """Return the one value that a query gives; None where it gives no row. `read`: how many rows were read."""
        import duckdb

        try:
            rows = self._cursor.execute(sql).fetchall()
        except duckdb.CatalogException:
            raise _changed(self._reader.shown, read) from None
        return rows[0][0] if rows else None

    def input_of(self, start: str | None, end: str | None) -> tuple[int, int]:
        """Return the numbers of the first row and of the one after the last.

        Raises:
            SparkRuntimeException: a batch is run again, and the table has other rows by now.
        """
        begin, stop = (0 if offset is None else _rows(offset) for offset in (start, end))
        if end is not None and end != self._planned:
            self._check_read(end)
            there = f"SELECT count(*) FROM {self._reader.table} WHERE rowid >= {begin} AND rowid < {stop}"
            if self._value(there, stop) != stop - begin:
                raise _changed(self._reader.shown, stop)
        return begin, stop

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early: it is in DuckDB already."""
        return ()

    def scan(
        self, what: tuple[int, int], columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows between two numbers."""
        begin, end = what
        rows = f"SELECT {_items(columns)} FROM {self._reader.table} WHERE rowid >= {begin} AND rowid < {end}"
        return Scan(f"({rows})", rows=end - begin)

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Tell nothing: Spark's file source reports no newest offset."""
        return None, {}

    def prepare_available_now(self) -> bool:
        """Fix what is there now."""
        self._most = self._value(self._all, 0)
        return True

    def commit(self, end: str) -> None:
        """Keep the rows: they are the table's."""

    def interrupt(self) -> None:
        """Nothing waits here."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Do without: a look costs half a millisecond."""

    def stop(self) -> None:
        """Give the cursor back."""
        self._cursor.close()


def _rows(offset: str) -> int:
    return int(json.loads(offset)["rows"])


def _items(columns: Sequence[Required]) -> str:
    return ", ".join(f"{quote(c.path[0])} AS {quote(c.output)}" for c in columns) or "1 AS one"


def _changed(table: str, rows: int) -> SparkRuntimeException:
    return SparkRuntimeException(
        "LIGHTSTREAM_TABLE_NOT_APPENDED_TO",
        f"The table {table}, of which this query has read {rows} rows, was changed otherwise than by appending: rows "
        "were removed or replaced, or the table was dropped or made anew. A stream reads a table that is only appended "
        "to. To read the table from its beginning, start the query with a new checkpointLocation.",
        sqlstate="42K03",
        parameters={"tableName": table},
    )
