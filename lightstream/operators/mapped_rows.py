"""A copy of a table's rows in a mapped file, out of which single rows are taken by their places."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream.functions.spelling import quote

if TYPE_CHECKING:
    import duckdb
    import polars
    import pyarrow as pa

# A batch of the file: text of a batch stays below Arrow's two gigabytes, and a lookup meets few of them.
_BATCH_ROWS = 250_000
# How a type is written, where every value comes back as it was; others are not copied.
_SAME = frozenset(
    (
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE",
        "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
    )
)  # fmt: skip
_AS = {"HUGEINT": "DECIMAL(38,0)"}


class MappedRows:
    """A table's rows in the order of their places.

    DuckDB looks at all places of a table to find a few of them. Here a row is where its place says. The file has no
    name: it is gone with the process, however that ends. What is read of it is memory that the system takes back when
    it is short.

    Args:
        cursor: where statements run.
        table: a table without gaps: its rows have the places from 0 on.
        columns: its columns with their types in DuckDB.
        directory: where the file is made; None for the system's temporary directory.

    Raises:
        ValueError: a type is not one of those that come back as they were, or rows do not come in order.
        duckdb.Error: a value does not fit in Arrow's type.
        OSError: there is no room for the file.
        pyarrow.ArrowException: likewise.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        table: str,
        columns: Sequence[tuple[str, str]],
        directory: str | None,
    ) -> None:
        import polars
        import pyarrow as pa

        self._cursor = cursor
        kinds = {name: _written(kind) for name, kind in columns}
        items = ", ".join(f"CAST({quote(name)} AS {kind}) AS {quote(name)}" for name, kind in kinds.items())
        self._items = ", ".join(
            quote(name) if kinds[name] == kind else f"CAST({quote(name)} AS {kind}) AS {quote(name)}"
            for name, kind in columns
        )
        starts = []
        rows = 0
        reader = cursor.query(f"SELECT {items}, rowid FROM {table}").to_arrow_reader(_BATCH_ROWS)
        schema = reader.schema.remove(len(kinds))
        with tempfile.TemporaryFile(dir=directory) as file:
            with pa.ipc.new_file(file, schema) as writer:
                for batch in reader:
                    places = batch.column(len(kinds))
                    if len(places) and not _follow(places, rows):
                        raise ValueError("rows that do not come in order")
                    writer.write_batch(batch.select(range(len(kinds))))
                    starts.append(rows)
                    rows += batch.num_rows
            file.flush()
            self._starts = polars.Series(starts, dtype=polars.Int64)
            self._file = pa.ipc.open_file(pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))

    def take(self, places: polars.Series, name: str) -> str:
        """Return a SELECT of the rows at some places.

        Args:
            places: the places.
            name: what to call the Arrow table that is read.
        """
        import pyarrow as pa

        places = places.sort()
        cuts = [*places.search_sorted(self._starts), len(places)]
        found = [
            self._file.get_batch(i).take((places[begin:end] - start).to_arrow())
            for i, (start, begin, end) in enumerate(zip(self._starts, cuts, cuts[1:], strict=False))
            if end > begin
        ]
        self._cursor.register(name, pa.Table.from_batches(found, self._file.schema))
        return f"(SELECT {self._items} FROM {quote(name)})"


def copy_of(
    cursor: duckdb.DuckDBPyConnection, table: str, columns: Sequence[tuple[str, str]], directory: str | None
) -> MappedRows | None:
    """Return a table's mapped rows; None where they cannot be had: the table itself still has them."""
    import duckdb
    import pyarrow as pa

    try:
        return MappedRows(cursor, table, columns, directory)
    except (ValueError, OSError, duckdb.Error, pa.ArrowException):
        return None


def _written(kind: str) -> str:
    if kind in _SAME or kind.startswith("DECIMAL("):
        return kind
    if kind not in _AS:
        raise ValueError(f"{kind} is not copied")
    return _AS[kind]


def _follow(places: pa.Array, first: int) -> bool:
    """Return whether places are the numbers from `first` on."""
    import polars

    found = polars.Series(values=places)
    return bool((found == polars.int_range(first, first + len(found), eager=True)).all())
